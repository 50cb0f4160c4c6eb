import Glibc
import Testing

@testable import hookline

@Suite struct LineReaderTests {
    /// Reads all of a text from a pipe, and returns each line's number and text, or "too long".
    private func lines(of text: String, bytesMax: Int = 8) throws -> [String] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        Console.write(Array(text.utf8), to: ends[1])
        close(ends[1])
        var reader = LineReader(bytesMax: bytesMax)
        var lines: [String] = []
        while true {
            while let item = reader.next() {
                switch item {
                case .tooLong(let number): lines.append("\(number) too long")
                case .line(let number, let range):
                    lines.append("\(number) " + reader.withBytes(of: range) { String(decoding: $0, as: UTF8.self) })
                }
            }
            if reader.isAtEnd { return lines }
            try reader.read(from: ends[0])
        }
    }

    @Test(arguments: [
        ("", []), ("\n", ["1 "]), ("a", ["1 a"]), ("a\n", ["1 a"]), ("a\nb", ["1 a", "2 b"]),
        ("\n\na\r\n", ["1 ", "2 ", "3 a\r"]),
        ("12345678\n123456789\na\n", ["1 12345678", "2 too long", "3 a"]),
        ("123456789", ["1 too long"]), ("12345678", ["1 12345678"]),
    ])
    func cut(text: String, expected: [String]) throws {
        #expect(try lines(of: text) == expected)
    }

    @Test func longLinesAreSkippedAcrossReads() throws {
        // A pipe holds 64 KiB, so this stays below; the limit is passed within one read and the LF comes at its end.
        let text = String(repeating: "x", count: 60_000) + "\nshort"
        #expect(try lines(of: text, bytesMax: 100) == ["1 too long", "2 short"])
        #expect(try lines(of: text, bytesMax: 60_000).count == 2)
    }
}
