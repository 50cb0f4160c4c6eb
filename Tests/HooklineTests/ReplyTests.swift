import Testing

@testable import hookline

@Suite struct ReplyTests {
    private func reply(_ line: String) -> Reply? {
        Array(line.utf8).withUnsafeBytes { Reply($0) }
    }

    @Test func acceptances() {
        #expect(reply(#"{"ok":true,"id":"evt_01","webhooks":2}"#) == .accepted(isDuplicate: false))
        #expect(reply(#"{"ok":true,"id":"a","webhooks":2,"duplicate":true}"#) == .accepted(isDuplicate: true))
        #expect(reply(#"{ "ok" : true , "later" : [ {} ] }"#) == .accepted(isDuplicate: false))
    }

    @Test func refusals() {
        #expect(
            reply(#"{"ok":false,"line":3,"error":"invalid_json","message":"unexpected '\"' \u2615 at \ud83d\ude00"}"#)
                == .refused(.init(error: "invalid_json", message: "unexpected '\"' ☕ at 😀", retryAfter: nil)))
        #expect(
            reply(#"{"ok":false,"line":4,"error":"backlog_full","message":"…","retryAfterMs":500}"#)
                == .refused(.init(error: "backlog_full", message: "…", retryAfter: .milliseconds(500))))
    }

    @Test(
        arguments: [
            (#"0"#, Duration.zero), ("60000", .seconds(60)), ("60001", .seconds(60)), ("-1", nil), ("1.5", nil),
            ("\"1\"", nil),
        ] as [(String, Duration?)])
    func retryAfter(text: String, expected: Duration?) {
        #expect(
            reply("{\"ok\":false,\"retryAfterMs\":\(text)}")
                == .refused(.init(error: "", message: "", retryAfter: expected)))
    }

    @Test(arguments: ["", "{}", "[]", "HTTP/1.1 400 Bad Request", #"{"ok":1}"#, #"{"ok":true"#, #"{"ok":"true"}"#])
    func noReply(_ line: String) {
        #expect(reply(line) == nil)
    }
}
