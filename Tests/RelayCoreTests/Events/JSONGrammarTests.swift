import RelayCore
import Testing

/// RFC 8259's grammar, seen through the scanner: what stands inside `data` passes verbatim or the line is refused.
@Suite("JSON grammar")
struct JSONGrammarTests {
    @Test(
        "values that the grammar allows pass verbatim",
        arguments: [
            // Numbers: any size and precision (section 6).
            "0", "-0", "1", "-1", "10", "9", "19", "0.0", "-0.5", "1.0", "1.25", "1e0", "1E0", "1e+1", "1E-1", "0e0",
            "0E+00", "1e400", "-1e-400", "12345678901234567890", "99999999999999999999", "-12345678901234567890.5e+007",
            "0.00000000000000000001", "1e00",
            // Literals.
            "true", "false", "null",
            // Containers.
            "{}", "[]", "[0]", "[[]]", "[{}]", #"{"":0}"#, "[1,2,3]", #"{"a":[],"a":{}}"#, "[true,false,null]",
            // Strings and escapes (section 7).
            #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u0000""#, #""\u00e9\u00E9""#, #""\uABCD\uabcd""#, "\"\u{7F}\"",
            "\"/\"", #""\ud83d\ude00""#, "\"é\"", "\"李\"", "\"😀\"",
            // Surrogates without a partner are grammar all the same (section 8.2).
            #""\ud800""#, #""\udc00""#, #""\ude00\ud83d""#, #""\ud83dx""#,
            // White space: space, tab, LF and CR, anywhere between tokens.
            " 0 ", "\t0\t", "\r0\r", "\n0\n", "[ ]", "{ }", "[ 1 , 2 ]", #"{ "a" : 1 , "b" : [ ] }"#,
            " \t\r\n{} \t\r\n",
        ])
    func allowed(value: String) {
        let line = ScannedLine.dataMember(value)
        #expect(line.code == nil, "\(line.message ?? "")")
        #expect(line.dataText == "{\"v\":\(value)}")
    }

    @Test(
        "values that the grammar does not allow",
        arguments: [
            // Numbers.
            "01", "-01", "00", "-", "--1", "+1", "1.", "-1.", ".5", "-.5", "1.e1", "1e", "1E", "1e+", "1e-", "1e1.5",
            "1.2.3",
            "0x10", "1_000", "1,", "Infinity", "-Infinity", "NaN", "1f", "0e", "2-", "1 2", "1+1", "e1", "٣",
            // Literals.
            "True", "FALSE", "nul", "tru", "truee", "nulll", "t", "f", "n", "none", "undefined", "true false",
            // Strings.
            #"""#, #""a"#, #""\"#, #""\""#, #""\x41""#, #""\'""#, #""\a""#, #""\0""#, #""\u""#, #""\u1""#, #""\u12""#,
            #""\u123""#, #""\u123g""#, #""\u 123""#, #""\U0041""#, #""\u+123""#, "'a'", "a", #""a"b"#, #""a" "b""#,
            "\"a\nb\"", "\"a\tb\"", "\"a\rb\"", "\"\u{0}\"", "\"\u{1}\"", "\"\u{1F}\"", "\"\\\u{1}\"", "\"\\\n\"",
            // Containers.
            "", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "[1:2]", #"{"a"}"#,
            #"{"a":}"#,
            #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1 "b":2}"#, #"{"a"::1}"#, #"{"a",1}"#, "{1:2}", "{a:1}", "{null:1}",
            #"{"a":1]"#, "[1}", "[[]", "[]]", "{}}", "([])", "[1]2", #"{"a":1;"b":2}"#, #"{"a"=1}"#,
            // White space that isn't JSON's, and comments.
            "\u{B}0", "\u{C}0", "\u{A0}0", "\u{2028}0", "\u{FEFF}0", "\u{85}0", "0//c", "/*c*/0", "0#c", "\u{0}0",
        ])
    func refused(value: String) {
        #expect(ScannedLine.dataMember(value).code == .invalidJSON)
        #expect(ScannedLine.dataMember("[\(value)]").code == .invalidJSON || value.isEmpty)
    }

    @Test(
        "a whole line is one object",
        arguments: [
            "{}", " {} ", "\t{\r}\n",
        ])
    func emptyObject(line: String) {
        #expect(ScannedLine(line).code == .missingField)
        #expect(ScannedLine(line).message == "the field \"event\" is missing")
    }

    @Test(
        "other top levels and trailing garbage are invalid_json",
        arguments: [
            "", "[]", "[{}]", "0", "\"a\"", "true", "null", "{}{}", "{} {}", "{},", "{}0", "{}}", "{}]", "{", "}",
            "{,}",
            "\u{FEFF}{}", "{}\u{FEFF}", "{}\u{0}", "\u{0}{}", "{}//", "x{}", ":{}", "{\"a\"", "{\"a\":", "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
        ])
    func topLevel(line: String) {
        #expect(ScannedLine(line).code == .invalidJSON)
    }

    @Test("white space is allowed wherever a token ends")
    func whitespaceEverywhere() {
        let tokens = [
            "{", #""event""#, ":", #""job.closed""#, ",", #""tenantId""#, ":", #""t""#, ",", #""data""#, ":", "{",
            #""a""#, ":",
            "[", "1", ",", "true", "]", "}", "}",
        ]
        for space in [" ", "\t", "\r", "\n", " \t\r\n \t"] {
            let line = ScannedLine(space + tokens.joined(separator: space) + space)
            #expect(line.code == nil)
            #expect(line.dataText == tokens[11...19].joined(separator: space))
        }
    }

    @Test("128 containers inside each other pass, 129 don't", arguments: ["objects", "arrays", "mixed"])
    func depth(shape: String) {
        func nested(_ depth: Int) -> String {
            // `data` itself is the first.
            let inner = (1..<depth).map { shape == "objects" || (shape == "mixed" && $0 % 3 == 0) }
            let opening = inner.map { $0 ? #"{"k":"# : "[" }.joined()
            let closing = inner.reversed().map { $0 ? "}" : "]" }.joined()
            return #"{"event":"job.closed","tenantId":"t","data":{"d":"# + opening + "0" + closing + "}}"
        }
        for depth in [1, 2, 63, 64, 65, 66, 127, 128] {
            let line = ScannedLine(nested(depth))
            #expect(line.code == nil, "depth \(depth)")
        }
        for depth in [129, 130, 1000, 100_000] {
            let line = ScannedLine(nested(depth))
            #expect(line.code == .invalidJSON)
            #expect(line.message?.hasPrefix("nested more than 128 deep at byte ") == true)
        }
        // Siblings are not depth.
        let siblings = Array(repeating: "[[{}]]", count: 300).joined(separator: ",")
        #expect(ScannedLine.dataMember("[\(siblings)]").code == nil)
    }

    @Test("closing brackets must match at every depth")
    func mismatchedBrackets() {
        for depth in [1, 2, 62, 63, 64, 65, 66, 100, 126] {
            let opening = String(repeating: "[", count: depth)
            let closing = String(repeating: "]", count: depth)
            #expect(ScannedLine.dataMember(opening + closing).code == nil)
            for wrong in 0..<depth {
                var text = Array(closing.utf8)
                text[wrong] = UInt8(ascii: "}")
                #expect(ScannedLine.dataMember(Array(opening.utf8) + text).code == .invalidJSON)
            }
        }
    }

    @Test(
        "every class of bytes that is no UTF-8 is refused wherever it stands",
        arguments: [
            // Continuation bytes without a lead, and bytes that never occur.
            [0x80], [0xBF], [0xC0], [0xC1], [0xF5], [0xF8], [0xFC], [0xFE], [0xFF],
            // Overlong forms.
            [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xC0, 0x80],
            // Surrogates.
            [0xED, 0xA0, 0x80], [0xED, 0xAF, 0xBF], [0xED, 0xB0, 0x80], [0xED, 0xBF, 0xBF],
            // Above U+10FFFF.
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
            // Cut short, by another character.
            [0xC2, 0x41], [0xE1, 0x80, 0x41], [0xE1, 0x41], [0xF1, 0x80, 0x80, 0x41], [0xF1, 0x80, 0x41], [0xF1, 0x41],
            [0xC2, 0xC2], [0xE1, 0x80, 0xE1], [0xF1, 0x80, 0x80, 0xC2],
            // One continuation byte too many.
            [0xC2, 0x80, 0x80], [0xE1, 0x80, 0x80, 0x80], [0xF1, 0x80, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        let head = Array(#"{"event":"job.closed","tenantId":"t","data":{"#.utf8)
        let places: [[UInt8]] = [
            // A value, at its beginning and behind a full word.
            head + Array("\"v\":\"".utf8) + bytes + quote + Array("}}".utf8),
            head + Array("\"v\":\"0123456789".utf8) + bytes + Array("0123456789".utf8) + quote + Array("}}".utf8),
            // A key inside data, a key outside, values outside.
            head + quote + bytes + quote + Array(":1}}".utf8),
            Array("{\"".utf8) + bytes + Array(#"":1,"event":"job.closed","tenantId":"t","data":{}}"#.utf8),
            Array(#"{"event":""#.utf8) + bytes + Array(#"","tenantId":"t","data":{}}"#.utf8),
            Array(#"{"event":"job.closed","tenantId":"t","id":""#.utf8) + bytes + Array(#"","data":{}}"#.utf8),
            // Outside of any string.
            bytes + Array(#"{"event":"job.closed","tenantId":"t","data":{}}"#.utf8),
            Array(#"{"event":"job.closed","tenantId":"t","data":{}}"#.utf8) + bytes,
            Array(#"{"event":"job.closed",""#.utf8) + bytes,
            // Behind a fault of grammar: the encoding outranks it.
            Array("{]".utf8) + bytes,
            // The line ends in it.
            head + Array("\"v\":\"".utf8) + bytes,
        ]
        for (index, place) in places.enumerated() {
            #expect(ScannedLine(place).code == .invalidUTF8, "place \(index)")
        }
    }

    @Test(
        "the first and last character of every length pass",
        arguments: [
            [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xE1, 0x80, 0x80], [0xEC, 0xBF, 0xBF],
            [0xED, 0x80, 0x80],
            [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF], [0xEF, 0xBF, 0xBE], [0xF0, 0x90, 0x80, 0x80],
            [0xF1, 0x80, 0x80, 0x80], [0xF3, 0xBF, 0xBF, 0xBF], [0xF4, 0x80, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
            [0xEF, 0xBB, 0xBF],
        ] as [[UInt8]])
    func validUTF8(bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        #expect(ScannedLine.dataMember(quote + bytes + quote).code == nil)
        for cut in 1..<max(bytes.count, 2) where bytes.count > 1 {
            #expect(ScannedLine.dataMember(quote + bytes.prefix(cut) + quote).code == .invalidUTF8)
        }
    }

    @Test("strings of every length with every special byte at every position")
    func wordBoundaries() {
        let special: [(bytes: [UInt8], code: RefusalCode?)] = [
            (Array(#"\""#.utf8), nil), (Array(#"\\"#.utf8), nil), (Array(#"\u00e9"#.utf8), nil), (Array("é".utf8), nil),
            (Array("😀".utf8), nil), ([0x7F], nil), ([0x20], nil), ([0x21], nil), ([0x23], nil), ([0x5B], nil),
            ([0x5D], nil),
            ([0x1F], .invalidJSON), ([0x00], .invalidJSON), (Array(#"\x"#.utf8), .invalidJSON), ([0x22], .invalidJSON),
            ([0x80], .invalidUTF8), ([0xC3, 0x28], .invalidUTF8),
        ]
        let quote = [UInt8(ascii: "\"")]
        for length in 0...40 {
            let plain = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
            let whole = ScannedLine.dataMember(quote + plain + quote)
            #expect(whole.data == Array("{\"v\":\"".utf8) + plain + Array("\"}".utf8))
            for position in 0...length {
                for (bytes, code) in special {
                    let content = plain[..<position] + bytes + plain[position...]
                    let line = ScannedLine.dataMember(quote + content + quote)
                    // A bare quote ends the string: what follows is garbage, at its end too.
                    #expect(line.code == code, "\(bytes) at \(position) of \(length)")
                }
            }
        }
    }
}
