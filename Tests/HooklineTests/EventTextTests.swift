import AdminAPI
import Testing

@testable import hookline

@Suite struct EventTextTests {
    private static let answer = #"""
        {"id":"order-17","event":"job.closed","tenantId":"acme","timestamp":"2026-05-02T14:32:10Z",\#
        "timestampBy":"producer","acceptedAt":"2026-05-02T14:32:10.123Z","producer":{"uid":1000,"gid":1,"pid":42},\#
        "bodyBytes":90,"earlier":[],"deliveries":[{"webhookId":"wh_1","url":"https://hooks.example/x","status":"given_up",\#
        "reason":"tries_used_up","attempts":2,"settledAt":"2026-05-02T14:33:00.000Z","nextAttemptAt":null,"waitsFor":null,\#
        "matched":true,"repeats":0,"history":[{"at":"2026-05-02T14:32:11.000Z","number":1,"repeat":0,"outcome":"failed",\#
        "status":503,"durationMs":20.4,"phases":{"resolveMs":null,"connectMs":1.2,"tlsMs":9,"firstByteMs":8},\#
        "errorKind":"status","error":"HTTP 503","answer":"busy\u001b[31m","decision":"retry",\#
        "nextAttemptAt":"2026-05-02T14:32:16.000Z"}]}],"unmatched":[{"webhookId":"wh_2","url":"https://hooks.example/2",\#
        "reason":"pattern","events":["job.created"]}],"omittedAttempts":0,"data":{"a":1,"a":"\ud800"}}
        """#

    @Test func dataIsLeftAsItIs() throws {
        let answer = try #require(EventAnswer(Array(Self.answer.utf8)))
        #expect(String(decoding: answer.data, as: UTF8.self) == #"{"a":1,"a":"\ud800"}"#)
        #expect(answer.json["id"] == "order-17" && answer.json["data"] == nil)
        for text in ["", "{}", "{\"data\":{}}", "[1,\"data\":2]"] { #expect(EventAnswer(Array(text.utf8)) == nil) }
    }

    @Test(arguments: [nil, 80, 160])
    func itFitsTheTerminal(width: Int?) throws {
        let answer = try #require(EventAnswer(Array(Self.answer.utf8)))
        let lines = EventText.lines(answer, width: width, style: TextStyle(isEnabled: false))
        let text = lines.joined(separator: "\n")
        #expect(text.contains("2026-05-02T14:32:10.123Z from uid 1000, pid 42"))
        #expect(text.contains("\"a\": \"\\ud800\""))
        #expect(text.contains("given up 2026-05-02T14:33:00.000Z, 2 tries: tries_used_up"))
        #expect(text.contains("last answer: busy\\u{1b}[31m"))
        #expect(!text.utf8.contains(0x1B))
        if let width {
            #expect(lines.allSatisfy { $0.count <= width })
        } else {
            #expect(text.contains("HTTP 503; next 2026-05-02T14:32:16.000Z"))
            #expect(text.contains("connect 1 tls 9 answer 8"))
            #expect(text.contains("job.closed is none of job.created"))
        }
    }

    @Test func aLineOfTheTail() throws {
        let event = try JSONParser.parse(
            Array(
                #"{"id":"a","event":"job.closed","tenantId":"acme","acceptedAt":"2026-05-02T14:32:10.123Z","webhooks":2}"#
                    .utf8))
        let line = TailText.line(event, style: TextStyle(isEnabled: false))
        #expect(line.contains("acme  job.closed  2 webhooks") && line.contains(".123"))
        #expect(TailText.line(["dropped": 1], style: TextStyle(isEnabled: false)).contains("1 event left out"))
    }
}
