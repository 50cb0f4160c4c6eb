internal import RelayCore
internal import TOMLKit

/// Reads file and environment into a ``Configuration`` and gathers everything that is wrong on the way.
struct ConfigurationReader {
    private(set) var configuration = Configuration()
    private(set) var errors: [ConfigurationError] = []
    private let file: String
    private var lines = KeyLines(of: "")

    init(file: String) {
        self.file = file
    }

    /// Reads the file's text; a syntax error ends it, as no key can be trusted then.
    mutating func read(_ text: String) {
        if let line = Self.lineOfNull(in: text) {
            // The parser ends texts and strings at a null byte, and would drop what follows without a word.
            return refuse(line: line, "", "the file holds a null character")
        }
        let members: [String: SettingValue]
        do {
            members = SettingValue.members(of: try TOMLTable(string: text))
        } catch let error as TOMLParseError {
            return refuse(line: error.source.begin.line, "", "no TOML: \(error.description)")
        } catch {
            return refuse(line: nil, "", "no TOML: \(error)")
        }
        lines = KeyLines(of: text)
        for (name, value) in members { read(table: name, value) }
        readProducers(members["producers"])
        // A dictionary has no order; people read a file from its beginning.
        errors.sort { ($0.line ?? .max, $0.key, $0.reason) < ($1.line ?? .max, $1.key, $1.reason) }
    }

    /// Lays the environment's settings over the file's.
    mutating func read(environment: [String: String]) {
        for setting in Setting.all {
            guard let text = environment[setting.environmentName] else { continue }
            var reasons: [String] = []
            setting.apply(.environment(text), &configuration, &reasons)
            errors += reasons.map {
                ConfigurationError(file: "environment", line: nil, key: setting.environmentName, reason: $0)
            }
        }
    }

    private mutating func read(table name: String, _ value: SettingValue) {
        guard Setting.tables.contains(name) else {
            let isKeyElsewhere = Setting.all.first { $0.key == name || $0.name == name }
            let hint =
                isKeyElsewhere.map { "; did you mean \"\($0.key)\" in [\($0.table)]?" }
                ?? Suggestion.phrase(for: name, among: Setting.tables)
            if case .table = value { return refuse(name, "unknown table\(hint)") }
            return refuse(name, "unknown key\(hint)")
        }
        if name == "producers" { return }
        guard case .table(let members) = value else {
            return refuse(name, "needs a table [\(name)], not \(value.typeName)")
        }
        let settings = Setting.all.filter { $0.table == name }
        for (key, value) in members {
            guard let setting = settings.first(where: { $0.key == key }) else {
                let near = Suggestion.phrase(for: key, among: settings.map(\.key))
                let elsewhere = Setting.all.first { $0.key == key }
                refuse("\(name).\(key)", "unknown key" + (elsewhere.map { "; it belongs to [\($0.table)]" } ?? near))
                continue
            }
            var reasons: [String] = []
            setting.apply(value, &configuration, &reasons)
            for reason in reasons { refuse(setting.name, reason) }
        }
    }

    private mutating func readProducers(_ value: SettingValue?) {
        guard let value else { return }
        guard case .array(let elements) = value else {
            return refuse("producers", "needs tables [[producers]], not \(value.typeName)")
        }
        for (index, element) in elements.enumerated() {
            let place = "producers[\(index)]"
            var rule = ProducerRuleReader()
            if let result = rule.read(element) { configuration.producers.append(result) }
            for problem in rule.problems {
                let key = problem.key.map { "\(place).\($0)" } ?? place
                refuse(line: lines[key] ?? lines[place] ?? lines["producers"], key, problem.reason)
            }
        }
    }

    /// Producer rules that name events nobody can send: checked when the catalogue is known, environment included.
    mutating func checkProducerEvents() {
        let catalogue = EventCatalogue(extra: configuration.events.extra)
        for (index, rule) in configuration.producers.enumerated() {
            for text in rule.events {
                guard let pattern = EventPattern(text), !catalogue.names.contains(where: { pattern.matches($0) }) else {
                    continue
                }
                let key = "producers[\(index)].events"
                let hint = Suggestion.phrase(for: text, among: catalogue.names)
                refuse(
                    line: lines[key] ?? lines["producers"], key,
                    "\"\(text)\" matches no event type that producers can send\(hint)")
            }
        }
    }

    private mutating func refuse(_ key: String, _ reason: String) {
        // A key inside an inline table has the line of what holds it.
        let table = String(key.prefix { $0 != "." })
        refuse(line: lines[key] ?? lines[table], key, reason)
    }

    private mutating func refuse(line: Int?, _ key: String, _ reason: String) {
        errors.append(ConfigurationError(file: file, line: line, key: key, reason: reason))
    }

    /// The line of a null byte or of an escape that makes one.
    private static func lineOfNull(in text: String) -> Int? {
        var line = 1
        for part in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let lineText = Substring(part)
            if part.contains(0) || lineText.contains("\\u0000") || lineText.contains("\\U00000000") { return line }
            line += 1
        }
        return nil
    }
}
