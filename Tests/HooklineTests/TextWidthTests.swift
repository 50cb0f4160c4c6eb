import Testing

@testable import hookline

@Suite struct TextWidthTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("Łucja", 5), ("李", 2), ("李さん", 6), ("e\u{301}", 1), ("\u{200B}", 0), ("한국", 4),
        ("ｱ", 1), ("Ａ", 2), ("👩🏽‍💻", 2), ("🇵🇱", 2), ("☺\u{FE0F}", 2), ("☺", 1), ("▁█…", 3), ("×", 1),
    ])
    func columns(text: String, expected: Int) {
        #expect(TextWidth.of(text) == expected)
    }

    @Test(arguments: [
        ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abcdef", 1, "…"), ("abcdef", 0, ""), ("李さん", 6, "李さん"),
        ("李さん", 5, "李さ…"), ("李さん", 4, "李…"), ("李さん", 2, "…"),
    ])
    func clipped(text: String, width: Int, expected: String) {
        #expect(TextWidth.clip(text, to: width) == expected)
        #expect(TextWidth.of(TextWidth.clip(text, to: width)) <= width)
    }

    @Test func theMiddleOfAURLGoesFirst() {
        #expect(TextWidth.clipMiddle("hooks.example/in/12345", to: 12) == "hooks…/12345")
        #expect(TextWidth.clipMiddle("hooks.example", to: 13) == "hooks.example")
        for width in 0...30 {
            #expect(TextWidth.of(TextWidth.clipMiddle("hooks.李さん.example/in/李/12345", to: width)) <= width)
        }
    }

    @Test func wordsStayWhole() {
        #expect(TextWidth.wrap("one two three", to: 8) == ["one two", "three"])
        #expect(TextWidth.wrap("one", to: 8) == ["one"])
        #expect(TextWidth.wrap("", to: 8) == [""])
        #expect(TextWidth.wrap("a verylongword b", to: 4) == ["a", "verylongword", "b"])
    }

    @Test func paddingCountsColumns() {
        #expect("李".padded(to: 4) == "李  ")
        #expect("李".leftPadded(to: 4) == "  李")
        #expect("李李李".padded(to: 4) == "李李李")
    }

    @Test func tablesFitAndStayAligned() {
        var table = TextTable("ID", "NAME", "URL")
        table.add(["wh_1", "李さん", "https://hooks.example/a/long/way/to/go"])
        table.add(["wh_2", "Łucja\u{1B}[31m", "https://x"])
        for width in 24...60 {
            let lines = table.lines(width: width, style: TextStyle(isEnabled: false))
            #expect(lines.allSatisfy { TextWidth.of($0) <= width }, "\(width): \(lines)")
            #expect(lines.allSatisfy { !$0.contains("\u{1B}") })
        }
        let lines = table.lines(width: nil, style: TextStyle(isEnabled: false))
        let places = lines.map { line in line.range(of: "https") ?? line.range(of: "URL") }
        #expect(zip(lines, places).map { TextWidth.of(String($0[..<$1!.lowerBound])) } == [23, 23, 23])
    }

    @Test func linesOfManyLooks() {
        var line = ScreenLine("ab", .red)
        line.add("李\u{7}", .bold)
        line.add("cd")
        #expect(line.text == #"ab李\u{7}cd"#)
        #expect(line.width == 11)
        #expect(line.clipped(to: 11) == line)
        for width in 0...11 { #expect(line.clipped(to: width).width <= width) }
        #expect(line.clipped(to: 4).text == "ab…")
        #expect(line.clipped(to: 5).text == "ab李…")
        #expect(line.clipped(to: 2).text == "a…")
        #expect(line.clipped(to: 3).text == "ab…")
        #expect(line.rendered(TextStyle(isEnabled: false)) == line.text)
        #expect(ScreenLine("a", .marked).rendered(TextStyle(isEnabled: true)) == "\u{1B}[1;7ma\u{1B}[0m")
    }
}

extension String {
    /// Where a text is in it: no Foundation needed.
    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
