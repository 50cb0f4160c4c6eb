import Testing

@testable import hookline

@Suite struct LineIdentifierTests {
    /// The line as it is sent, with `ID` for a made id; nil if it is not sent.
    private func sent(_ line: String) -> String? {
        Array(line.utf8).withUnsafeBytes { bytes in
            LineIdentifier.identified(bytes) { Array("ID".utf8) }
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        (#"{"event":"job.closed","data":{"id":"x"}}"#, #"{"id":"ID","event":"job.closed","data":{"id":"x"}}"#),
        (#"{}"#, #"{"id":"ID"}"#),
        (#" { } "#, #" {"id":"ID" } "#),
        ("\t{ \"a\" : 1e400 }\r", "\t{\"id\":\"ID\", \"a\" : 1e400 }\r"),
        (#"{"ID":1}"#, #"{"id":"ID","ID":1}"#),
        (#"{"idx":1}"#, #"{"id":"ID","idx":1}"#),
        (#"{"a":"\"id\":"}"#, #"{"id":"ID","a":"\"id\":"}"#),
        (#"{"a":["}",{"b":"]"}],"c":-0}"#, #"{"id":"ID","a":["}",{"b":"]"}],"c":-0}"#),
    ])
    func given(line: String, expected: String) {
        #expect(sent(line) == expected + "\n")
    }

    @Test(arguments: [
        #"{"id":"mine"}"#, #"{"a":1,"id":null}"#, #"{"\u0069d":"mine"}"#, #"{"i\u0064" : 3}"#,
        "[1]", "1", "\"text\"", "nonsense", "{", "{\"a\":1", "{\"a\":1}}", "{\"a\":1} x", "{\"a\"}", "{a:1}",
        "{\"a\":}",
        "{\"a\":\"unended}", "{\"a\":[}",
    ])
    func leftAlone(_ line: String) {
        #expect(sent(line) == line + "\n")
    }

    @Test(arguments: ["", " ", "\t\r ", "\r"]) func blank(_ line: String) {
        #expect(sent(line) == nil)
    }

    @Test func invalidUTF8IsKept() {
        let line: [UInt8] = Array(#"{"a":""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)
        let sent = line.withUnsafeBytes { LineIdentifier.identified($0) { Array("ID".utf8) } }
        #expect(sent == Array(#"{"id":"ID","a":""#.utf8) + [0xFF, 0xFE] + Array("\"}\n".utf8))
    }

    @Test func madeIdentifiersAreValidDistinctAndSorted() {
        var wrapping = EventIdentifiers(seed: (high: 0, low: .max - 1))
        let around = [0, 0].map { String(decoding: wrapping.next(milliseconds: $0), as: UTF8.self) }
        #expect(around == ["evt_0000000000000FZZZZZZZZZZZZ", "evt_0000000000000G000000000000"])
        var second = EventIdentifiers(seed: (high: 7, low: 41))
        let texts = [1, 1, 2, 1_000_000, 281_474_976_710_655].map {
            String(decoding: second.next(milliseconds: $0), as: UTF8.self)
        }
        #expect(texts == texts.sorted())
        #expect(Set(texts).count == texts.count)
        #expect(texts[4].hasPrefix("evt_7ZZZZZZZZZ"))
        #expect(texts[0].hasSuffix("1A"), "41 + 1 is 42, which is 1A to the base of 32")
    }
}
