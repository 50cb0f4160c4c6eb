import Testing

@testable import Relay

@Suite("Configuration texts")
struct ConfigurationTextTests {
    @Test(
        "durations",
        arguments: [
            ("0s", .zero), ("1ms", .milliseconds(1)), ("999ms", .milliseconds(999)), ("15s", .seconds(15)),
            ("5m", .seconds(300)), ("24h", .seconds(86_400)), ("7d", .seconds(604_800)), ("007s", .seconds(7)),
            ("9223372036854775807ms", .milliseconds(Int64.max)), ("9223372036854775808ms", nil),
            ("106751991167d", .milliseconds(106_751_991_167 * 86_400_000)), ("106751991168d", nil),
            ("", nil), ("s", nil), ("15", nil), ("15 s", nil), (" 15s", nil), ("15s ", nil), ("1.5s", nil),
            ("-1s", nil),
            ("+1s", nil), ("1S", nil), ("1w", nil), ("1h30m", nil), ("15sec", nil), ("١s", nil),
        ] as [(String, Duration?)])
    func durations(text: String, expected: Duration?) {
        #expect(DurationText.parse(text) == expected)
    }

    @Test(
        "durations are written in the largest unit that fits",
        arguments: [
            ("0s", 0), ("1ms", 1), ("1001ms", 1001), ("1s", 1000), ("90s", 90_000), ("2m", 120_000),
            ("25h", 90_000_000),
            ("7d", 604_800_000),
        ] as [(String, Int)])
    func durationFormat(text: String, milliseconds: Int) {
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
    }

    @Test(
        "sizes",
        arguments: [
            ("0", 0), ("262144", 262_144), ("256KiB", 262_144), ("1MiB", 1 << 20), ("10GiB", 10 << 30),
            ("9223372036854775807", .max), ("9223372036854775808", nil), ("8589934591GiB", 8_589_934_591 << 30),
            ("8589934592GiB", nil), ("", nil), ("KiB", nil), ("1 KiB", nil), ("1KB", nil), ("1kib", nil), ("1B", nil),
            ("1TiB", nil), ("-1", nil), ("1.5MiB", nil), ("0x10", nil), ("1_000", nil),
        ] as [(String, Int64?)])
    func sizes(text: String, expected: Int64?) {
        #expect(SizeText.parse(text) == expected)
    }

    @Test(
        "sizes are written in the largest unit that divides them",
        arguments: [
            ("0", 0), ("1023", 1023), ("1KiB", 1024), ("1025", 1025), ("1536KiB", 1536 << 10), ("16MiB", 16 << 20),
            ("1048576GiB", 1 << 50),
        ] as [(String, Int64)])
    func sizeFormat(text: String, bytes: Int64) {
        #expect(SizeText.format(bytes) == text)
    }

    @Test("lines of keys, around everything that could be mistaken for one")
    func lines() {
        let lines = KeyLines(
            of: #"""
                # [comment]
                top = "[not]"
                [ a ]            # [b]
                'b' = [1, 2,     # ]
                    "]", '''
                c = 1''']
                c.d = """
                e = 1
                \""" """"
                f = { g = 1, h = [ {} ] }
                [a.b]
                c = 1
                [[p]]
                x = ""
                [[p]]
                y = ''
                z = 2
                """#)
        let expected = [
            "top": 2, "a": 3, "a.b": 4, "a.c": 7, "a.c.d": 7, "a.f": 10, "a.b.c": 12, "p": 13, "p[0]": 13, "p[0].x": 14,
            "p[1]": 15, "p[1].y": 16, "p[1].z": 17,
        ]
        for (key, line) in expected { #expect(lines[key] == line, "\(key)") }
        for key in ["not", "b", "c", "e", "a.e", "f.g", "p[2]", "comment"] { #expect(lines[key] == nil, "\(key)") }
    }

    @Test(
        "text that is no TOML does no harm",
        arguments: [
            "[", "[[", "[[a", "a", "a = \"", "a = '''", "\"", "= 1", "]", "a = [", "a = \"\\", "[[a]", "[]", "a.",
            "\"a",
        ])
    func garbage(text: String) {
        _ = KeyLines(of: text)
    }

    @Test(
        "suggestions",
        arguments: [
            ("timeuot", "; did you mean \"timeout\"?"), ("TIMEOUT", "; did you mean \"timeout\"?"),
            ("max_age", "; did you mean \"max-age\"?"), ("unrelated", ""), ("", ""),
        ])
    func suggestions(name: String, phrase: String) {
        #expect(Suggestion.phrase(for: name, among: ["timeout", "max-age"]) == phrase)
    }
}
