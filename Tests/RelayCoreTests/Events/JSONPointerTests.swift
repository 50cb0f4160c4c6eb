import Testing

@testable import RelayCore

@Suite("JSON pointers")
struct JSONPointerTests {
    /// What a pointer below `/data` finds, as it is written; nil: nothing.
    private static func found(_ pointer: String, _ json: String) throws -> String? {
        let pointer = try JSONPointer(pointer)
        return Array("{\"data\":\(json)}".utf8).withUnsafeBytes { bytes in
            pointer.value(in: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test(
        arguments: [
            ("/data", "{}", "{}"),
            ("/data/a", #"{"a":1}"#, "1"),
            ("/data/a", #"{ "a" : "x" , "b":2 }"#, #""x""#),
            ("/data/a/b", #"{"a":{"b":[1,2]}}"#, "[1,2]"),
            ("/data/a/0", #"{"a":[7,8]}"#, "7"),
            ("/data/a/1", #"{"a":[ 7 , 8 ]}"#, "8"),
            ("/data/a/2", #"{"a":[7,8]}"#, nil),
            ("/data/a/01", #"{"a":[7,8]}"#, nil),
            ("/data/a/-", #"{"a":[7,8]}"#, nil),
            ("/data/a/+1", #"{"a":[7,8]}"#, nil),
            ("/data/a/99999999999999999999", #"{"a":[7,8]}"#, nil),
            ("/data/a/0", #"{"a":[]}"#, nil),
            ("/data/a/0", #"{"a":{"0":"name"}}"#, #""name""#),
            ("/data/a/1/b", #"{"a":[0,{"b":true}]}"#, "true"),
            ("/data/b", #"{"a":1}"#, nil),
            ("/data/a/b", #"{"a":"b"}"#, nil),
            ("/data/a/b", #"{"a":null}"#, nil),
            ("/data/a", #"{"a":null}"#, "null"),
            // Empty names, and those that pointers have to escape (RFC 6901 section 5).
            ("/data/", #"{"":0}"#, "0"),
            ("/data//", #"{"":{"":9}}"#, "9"),
            ("/data/a~1b", #"{"a/b":1}"#, "1"),
            ("/data/m~0n", #"{"m~n":8}"#, "8"),
            ("/data/~01", #"{"~1":5}"#, "5"),
            ("/data/c%d", #"{"c%d":2}"#, "2"),
            ("/data/k\"l", #"{"k\"l":6}"#, "6"),
            ("/data/ ", #"{" ":7}"#, "7"),
            // Names that JSON has escaped.
            ("/data/applicationId", #"{"applicationId":3}"#, "3"),
            ("/data/a/b", #"{"a\/b":1,"a":{"b":2}}"#, "2"),
            ("/data/é", #"{"é":4}"#, "4"),
            ("/data/é", #"{"\u00e9":4}"#, "4"),
            ("/data/😀", #"{"\ud83d\ude00":4}"#, "4"),
            ("/data/\\", #"{"\\":1}"#, "1"),
            // Of two members with one name the last counts, and so do only its own members.
            ("/data/a", #"{"a":1,"a":2}"#, "2"),
            ("/data/a", #"{"\u0061":2,"a":1}"#, "1"),
            ("/data/a/b", #"{"a":{"b":1},"a":{"c":2}}"#, nil),
            ("/data/a/b", #"{"a":{"b":1},"a":{"b":2,"b":3}}"#, "3"),
            // A name inside of a value is none.
            ("/data/a", #"{"x":{"a":1},"y":["a",2],"z":"\"a\":3"}"#, nil),
            ("/data/a", #"{"x":"\\","a":4}"#, "4"),
        ] as [(String, String, String?)])
    func finds(pointer: String, json: String, value: String?) throws {
        #expect(try Self.found(pointer, json) == value)
    }

    @Test(
        arguments: [
            ("", .noSlash), ("data/a", .noSlash), ("#/data", .noSlash), (" /data", .noSlash), ("/", .noMember),
            ("/applicationId", .noMember), ("/Data/a", .noMember), ("/id", .noMember), ("/data~2", .badEscape),
            ("/data/a~", .badEscape), ("/data/~/x", .badEscape), ("/event/x", .inText), ("/tenantId/", .inText),
            ("/data/" + String(repeating: "x", count: Limits.pointerBytes - 5), .tooLong),
        ] as [(String, JSONPointerError)])
    func refuses(text: String, error: JSONPointerError) {
        #expect(throws: error) { try JSONPointer(text) }
    }

    @Test(arguments: [
        "/data", "/event", "/timestamp", "/tenantId", "/data/", "/data/~0~1",
        "/data/" + String(repeating: "x", count: Limits.pointerBytes - 6),
    ])
    func takes(text: String) throws {
        #expect(try JSONPointer(text).text == text)
    }

    @Test("a text that is no JSON has nothing anywhere, wherever it breaks off")
    func isSafeOnBrokenText() throws {
        let pointer = try JSONPointer("/data/b/1/c")
        let whole = Array(#"{"data":{"a":"\u00e9","b":[0,{"c":"x\n"}]}}"#.utf8)
        #expect(whole.withUnsafeBytes { pointer.value(in: $0) } != nil)
        for count in 0..<whole.count {
            // Bytes behind the end would complete it.
            whole.withUnsafeBytes { bytes in
                let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                #expect(pointer.value(in: part) == nil, "\(count)")
            }
        }
        var random = SeededRandom(seed: 7)
        for _ in 0..<20_000 {
            var changed = whole
            for _ in 0...random.below(3) { changed[random.below(changed.count)] = UInt8(random.below(256)) }
            let range = changed.withUnsafeBytes { bytes in
                pointer.value(in: bytes).map { ($0.baseAddress! - bytes.baseAddress!, $0.count) }
            }
            if let range { #expect(range.0 > 0 && range.0 + range.1 < changed.count) }
        }
    }

    // MARK: Keys of events

    private static func key(_ pointer: String, _ data: String, type: String = "job.closed") throws -> UInt64? {
        let buffer = RecordBuffer(capacity: 256)
        EventFixture.append(1, data: data, type: type, to: buffer)
        return try JSONPointer(pointer).key(of: try #require(EventRecord(buffer: buffer, offset: 0)))
    }

    @Test func equalValuesHaveEqualKeys() throws {
        #expect(try Self.key("/data/a", #"{"a":"x/é"}"#) == Self.key("/data/a", #"{"b":1, "a" : "\u0078\/\u00E9"}"#))
        #expect(try Self.key("/data/a", #"{"a":17}"#) == Self.key("/data/a", #"{"a":17,"b":18}"#))
        #expect(try Self.key("/event", "{}") == Self.key("/event", #"{"a":1}"#))
    }

    @Test func otherValuesHaveOtherKeys() throws {
        let values = [
            "1", "1.0", "\"1\"", "true", "\"true\"", "[1]", "[1,2]", "{\"a\":1}", "\"\"", "\"a\"", "\"null\"",
        ]
        let keys = try values.map { try Self.key("/data/a", "{\"a\":\($0)}") }
        #expect(!keys.contains(nil))
        #expect(Set(keys).count == values.count)
        #expect(try Self.key("/event", "{}") != Self.key("/event", "{}", type: "job.created"))
    }

    @Test func whatIsNotThereAndNullHaveNoKey() throws {
        #expect(try Self.key("/data/a", "{}") == nil)
        #expect(try Self.key("/data/a", #"{"a":null}"#) == nil)
        #expect(try Self.key("/data/a/b", #"{"a":1}"#) == nil)
    }
}
