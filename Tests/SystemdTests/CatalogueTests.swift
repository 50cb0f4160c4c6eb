import Foundation
import RelayCore
import Testing

/// `systemd/hookline.catalog`, in the format of systemd's own catalogues.
@Suite("The message catalogue")
struct CatalogueTests {
    private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("systemd/hookline.catalog").path

    private struct Entry {
        let id: String
        let headers: [String: String]
        let text: String
    }

    private static func entries() throws -> [Entry] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        return parse(lines.filter { !$0.hasPrefix("#") })
    }

    private static func parse(_ lines: [Substring]) -> [Entry] {
        var entries: [Entry] = []
        var current: (id: String, lines: [Substring])?
        func finish() {
            guard let current else { return }
            let headers = current.lines.prefix { !$0.isEmpty }.map { $0.split(separator: ":", maxSplits: 1) }
            entries.append(
                Entry(
                    id: current.id,
                    headers: Dictionary(
                        headers.map {
                            (String($0[0]), $0.dropFirst().first?.trimmingCharacters(in: .whitespaces) ?? "")
                        },
                        uniquingKeysWith: { $1 }),
                    text: current.lines.drop { !$0.isEmpty }.joined(separator: "\n")
                        .trimmingCharacters(in: .whitespacesAndNewlines)))
        }
        for line in lines {
            if line.hasPrefix("-- ") {
                finish()
                current = (String(line.dropFirst(3)), [])
            } else {
                current?.lines.append(line)
            }
        }
        finish()
        return entries
    }

    @Test("every message has one entry, and every entry its message")
    func step() throws {
        let ids = try Self.entries().map(\.id)
        #expect(ids.count == Set(ids).count)
        #expect(Set(ids) == Set(LogMessage.allCases.map(\.rawValue)))
    }

    @Test("ids are 128 bits")
    func ids() {
        for message in LogMessage.allCases {
            #expect(message.rawValue.wholeMatch(of: /[0-9a-f]{32}/) != nil, "\(message)")
        }
    }

    @Test("an entry says what it is about, what it means, and where to read on")
    func entries() throws {
        for entry in try Self.entries() {
            #expect(entry.headers["Subject"]?.isEmpty == false, "\(entry.id)")
            #expect(entry.headers["Defined-By"] == "Hookline", "\(entry.id)")
            #expect(entry.headers["Support"]?.isEmpty == false, "\(entry.id)")
            #expect(entry.headers["Documentation"]?.hasPrefix("man:hookline") == true, "\(entry.id)")
            #expect(entry.text.count > 60, "\(entry.id)")
        }
    }

    @Test("journalctl takes it")
    func journalctl() throws {
        let journalctl = "/usr/bin/journalctl"
        try #require(FileManager.default.isExecutableFile(atPath: journalctl))
        let root = NSTemporaryDirectory() + "hookline-catalogue-\(UUID().uuidString)"
        let directory = root + "/usr/lib/systemd/catalog"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Of no use afterwards, whatever becomes of it.
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(
            atPath: root + "/var/lib/systemd/catalog", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Self.path, toPath: directory + "/hookline.catalog")
        func run(_ arguments: String...) throws -> (status: Int32, output: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: journalctl)
            process.arguments = ["--root=\(root)", "--no-pager"] + arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: data, as: UTF8.self))
        }
        let update = try run("--update-catalog")
        #expect(update.status == 0, "\(update.output)")
        #expect(!update.output.contains("hookline.catalog:"), "\(update.output)")
        let list = try run("--list-catalog")
        #expect(list.status == 0, "\(list.output)")
        #expect(list.output.split(separator: "\n").count == LogMessage.allCases.count)
    }
}
