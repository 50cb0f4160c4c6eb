import Foundation
import Testing

@testable import Relay

/// The commented configuration that is installed, `packaging/hookline.toml`, and the settings that there are.
struct ShippedConfigurationTests {
    /// `#key = value` of one table, with the comment above it.
    private struct Entry {
        let name: String
        let comment: String
    }

    private let lines: [Substring]

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("packaging/hookline.toml"), encoding: .utf8)
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// Whether a line is a setting, or a table's head, that is commented out: explanations have a space after the `#`.
    private static func isSetting(_ line: Substring) -> Bool {
        line.hasPrefix("#") && line.count > 1 && !line.hasPrefix("# ")
    }

    private func uncommented(_ lines: some Sequence<Substring>) -> String {
        lines.map { Self.isSetting($0) ? $0.dropFirst() : $0 }.joined(separator: "\n")
    }

    private var withoutProducers: ArraySlice<Substring> {
        lines[..<(lines.firstIndex(of: "#[[producers]]") ?? lines.endIndex)]
    }

    private var entries: [Entry] {
        var entries: [Entry] = []
        var table: Substring = ""
        var comment = ""
        for line in withoutProducers {
            if line.hasPrefix("["), line.hasSuffix("]") { table = line.dropFirst().dropLast() }
            if line.hasPrefix("# ") { comment += line.dropFirst() }
            if line.isEmpty { comment = "" }
            if Self.isSetting(line), let end = line.range(of: " = ") {
                let key = line[..<end.lowerBound].dropFirst()
                entries.append(Entry(name: "\(table).\(key)", comment: comment))
            }
        }
        return entries
    }

    @Test("As installed it changes nothing")
    func changesNothing() throws {
        #expect(try Configuration.parse(lines.joined(separator: "\n"), file: "hookline.toml") == Configuration())
    }

    @Test("It names every setting, in the catalogue's order, and no other")
    func namesEverySetting() {
        #expect(entries.map(\.name) == Setting.all.map(\.name))
    }

    @Test("Each setting is explained, and says if it needs a restart")
    func explains() {
        for (entry, setting) in zip(entries, Setting.all) {
            #expect(entry.comment.count > 40, "\(entry.name)")
            #expect(entry.comment.contains("Needs a restart.") == setting.needsRestart, "\(entry.name)")
        }
    }

    @Test("The values in it are the defaults")
    func hasTheDefaults() throws {
        let configuration = try Configuration.parse(uncommented(withoutProducers), file: "hookline.toml")
        #expect(configuration == Configuration())
    }

    @Test("Each line counts: another value in its place is another configuration, or an error")
    func linesCount() throws {
        for (index, line) in withoutProducers.enumerated() where Self.isSetting(line) {
            var changed = Array(withoutProducers)
            let key = line[..<(try #require(line.firstIndex(of: "=")))]
            changed[index] = "\(key)= { none = 0 }"
            #expect(throws: ConfigurationErrors.self, "\(line)") {
                try Configuration.parse(uncommented(changed), file: "hookline.toml")
            }
        }
    }

    @Test("With every line uncommented it is valid, examples included")
    func isValidUncommented() throws {
        let configuration = try Configuration.parse(uncommented(lines), file: "hookline.toml")
        #expect(configuration.producers.count == 3)
        #expect(configuration.producers.map(\.user) == ["www-data", nil, nil])
        #expect(configuration.producers.map(\.uid) == [nil, 1001, nil])
        #expect(configuration.producers.map(\.group) == [nil, nil, "backoffice"])
    }

    @Test("Lines fit a terminal")
    func fits() {
        #expect(lines.allSatisfy { $0.count <= 100 })
    }
}
