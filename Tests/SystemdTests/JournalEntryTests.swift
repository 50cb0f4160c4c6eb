import Foundation
import Logging
import RelayCore
import Testing

@testable import Systemd

@Suite("Log lines in the journal")
struct JournalEntryTests {
    @Test("every datum is a field of its own")
    func fields() {
        let entry = JournalEntry(
            level: .warning, text: "webhook is failing webhook=wh_1",
            metadata: [
                ("MESSAGE_ID", LogMessage.webhookFailing.description), ("webhook", "wh_1"), ("reason", "a = \"b\""),
            ])
        #expect(
            entry.fields == [
                "MESSAGE=webhook is failing webhook=wh_1", "PRIORITY=4", "SYSLOG_IDENTIFIER=hookline",
                "MESSAGE_ID=510d56052573cb2b0cf2fa5261feb95e", "HOOKLINE_WEBHOOK=wh_1", "HOOKLINE_REASON=a = \"b\"",
            ])
    }

    @Test(
        "names are those that the journal takes",
        arguments: [
            ("webhook", "HOOKLINE_WEBHOOK"), ("retry-after", "HOOKLINE_RETRY_AFTER"), ("a.b c", "HOOKLINE_A_B_C"),
            ("_PID", "HOOKLINE__PID"), ("ß", nil), ("", nil), ("-", nil), ("x\ny=z", "HOOKLINE_X_Y_Z"),
        ])
    func names(key: String, name: String?) {
        #expect(JournalEntry.name(for: key) == name)
    }

    @Test("a name's size is bounded")
    func longName() {
        #expect(JournalEntry.name(for: String(repeating: "k", count: 500))?.utf8.count == 64)
    }

    @Test("nobody adds a field, a line or a terminal's command by what they answer")
    func hostileValues() {
        let value = "no\nPRIORITY=0\r\u{1B}[2J\u{9B}\u{2028}\u{7F}\0end"
        let entry = JournalEntry(level: .info, text: LogText.escaped(value), metadata: [("reason", value)])
        let expected = "no\\nPRIORITY=0\\r\\u{1b}[2J\\u{9b}\\u{2028}\\u{7f}\\u{0}end"
        #expect(entry.fields.first == "MESSAGE=\(expected)")
        #expect(entry.fields.last == "HOOKLINE_REASON=\(expected)")
        #expect(!entry.bytes.contains { $0 < 0x20 || $0 == 0x7F })
        #expect(LogText.quoted(value) == "\"\(expected)\"")
    }

    @Test("values are bounded, at a character's end")
    func bounds() {
        #expect(LogText.bounded(String(repeating: "a", count: 1_024)).utf8.count == 1_024)
        #expect(LogText.bounded(String(repeating: "a", count: 1_025)) == String(repeating: "a", count: 1_024) + "…")
        #expect(
            LogText.bounded("a" + String(repeating: "€", count: 400)) == "a" + String(repeating: "€", count: 341) + "…")
        let entry = JournalEntry(
            level: .info, text: "", metadata: (0..<100).map { ("k\($0)", String(repeating: "x", count: 10_000)) })
        #expect(entry.fields.count == 24)
        #expect(entry.bytes.count < 32_000)
    }

    @Test(
        "values with spaces stand in quotes",
        arguments: [
            ("plain", "plain"), ("", "\"\""), ("two words", "\"two words\""), ("a=b", "\"a=b\""),
            ("\"", "\"\\\"\""), ("a\\ b", "\"a\\\\ b\""), ("a\tb", "\"a\\tb\""),
        ])
    func quoting(value: String, text: String) {
        #expect(LogText.quoted(value) == text)
    }

    @Test("only the stream that the variable describes is the journal")
    func stream() throws {
        let descriptor = open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        #expect(JournalSink.isJournal(descriptor, "\(status.st_dev):\(status.st_ino)"))
        for value in [
            "", ":", "1:2", "\(status.st_dev)", "\(status.st_dev):\(status.st_ino):",
            "\(status.st_dev):\(status.st_ino + 1)",
            "\(status.st_dev + 1):\(status.st_ino)", " \(status.st_dev):\(status.st_ino)", "-1:-1",
        ] {
            #expect(!JournalSink.isJournal(descriptor, value), "\(value)")
        }
        #expect(!JournalSink.isJournal(-1, "\(status.st_dev):\(status.st_ino)"))
    }
}
