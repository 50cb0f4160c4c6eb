import Testing

@testable import AdminAPI

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(JSONParser.Failure) -> JSONValue {
        try JSONParser.parse(text.utf8)
    }

    @Test(
        arguments: [
            ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-1", -1),
            ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("1.5e3", .number(1500)), ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\u{8}\u{c}\n\r\t"),
            ("\"\\u00e9\\uD83D\\uDE00\"", "é😀"), ("[]", []), ("[1,[2]]", [1, [2]]), ("{}", [:]),
            ("{\"b\":1,\"a\":{\"c\":[null]}}", ["b": 1, "a": ["c": [nil]]]),
        ] as [(String, JSONValue)])
    func values(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    @Test(arguments: [
        ("", "unexpected end at byte 0"),
        ("{", "unexpected end at byte 1"),
        ("{\"a\":1,}", "unexpected '}' at byte 7"),
        ("{\"a\" 1}", "unexpected '1' at byte 5"),
        ("[1,]", "unexpected ']' at byte 3"),
        ("[1 2]", "unexpected '2' at byte 3"),
        ("01", "unexpected '1' at byte 1"),
        ("1.", "unexpected end at byte 2"),
        ("+1", "unexpected '+' at byte 0"),
        ("nul", "unexpected end at byte 3"),
        ("{} x", "unexpected 'x' at byte 3"),
        ("\"a\u{1}\"", "unexpected byte 0x1 at byte 2"),
        ("\"\\x\"", "unexpected 'x' at byte 2"),
        ("\"\\uD83D\"", "half a surrogate pair at byte 3"),
        ("\"\\uDE00\"", "half a surrogate pair at byte 3"),
        ("{\"a\":1,\"\\u0061\":2}", "\"a\" is there twice, at byte 7"),
        ("1e999", "the number at byte 0 is too large"),
    ])
    func faults(text: String, message: String) {
        #expect(throws: JSONParser.Failure(message: message)) { try parse(text) }
    }

    @Test func invalidUTF8() {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse([0x22, 0xC3, 0x28, 0x22]) }
    }

    @Test func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try parse(nested(JSONParser.depthMax))
        #expect(throws: JSONParser.Failure.self) { try parse(nested(JSONParser.depthMax + 1)) }
        #expect(throws: JSONParser.Failure.self) { try parse(String(repeating: "[", count: 200_000)) }
    }

    @Test func members() throws {
        func object(_ count: Int) -> String {
            "{" + (0..<count).map { "\"m\($0)\":0" }.joined(separator: ",") + "}"
        }
        #expect(try parse(object(JSONParser.membersMax)).objectValue?.members.count == JSONParser.membersMax)
        #expect(throws: JSONParser.Failure.self) { try parse(object(JSONParser.membersMax + 1)) }
    }

    @Test func writingKeepsOrder() throws {
        let text = "{\"z\":[1,-2.5,\"a\\u0001\\\"\"],\"a\":{},\"m\":[],\"n\":null,\"t\":true}"
        #expect(String(decoding: JSONWriter.compact(try parse(text)), as: UTF8.self) == text)
        #expect(
            JSONWriter.pretty(["b": [1, ["c": nil]], "a": []]) == """
                {
                  "b": [
                    1,
                    {
                      "c": null
                    }
                  ],
                  "a": []
                }

                """)
    }

    @Test(
        arguments: [
            ("5s", 5_000), ("20m", 1_200_000), ("2h", 7_200_000), ("7d", 604_800_000), ("150ms", 150), ("0s", 0),
        ] as [(String, Int64)])
    func durations(text: String, milliseconds: Int64) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "99999999999999999d", "9223372036854775808ms"])
    func noDurations(text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}
