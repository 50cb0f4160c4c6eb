package import Logging
import RelayCore

/// A log line as the journal takes it: fields with names, systemd.journal-fields(7).
package struct JournalEntry: Equatable, Sendable {
    /// Bytes of a field's name.
    private static let maxNameBytes = 64
    private static let maxFields = 24

    /// `NAME=value` each, one behind the other.
    package private(set) var bytes: [UInt8] = []
    /// Where each of them ends.
    package private(set) var ends: [Int] = []

    /// - Parameters:
    ///   - text: the whole line for people.
    ///   - metadata: each becomes a field of its own, `HOOKLINE_WEBHOOK` and the like.
    package init(level: Logger.Level, text: String, metadata: [(key: String, value: String)]) {
        append("MESSAGE", text)
        append("PRIORITY", "\(Self.priority(level))")
        append("SYSLOG_IDENTIFIER", "hookline")
        for (key, value) in metadata where ends.count < Self.maxFields {
            if key == LogMessage.key {
                append(key, value)
            } else if let name = Self.name(for: key) {
                append(name, LogText.escaped(LogText.bounded(value)))
            }
        }
    }

    /// The fields, for whoever looks.
    package var fields: [String] {
        zip([0] + ends, ends).map { String(decoding: bytes[$0..<$1], as: UTF8.self) }
    }

    /// Upper-case letters, digits and underscores; nil: there is nothing of the kind in it.
    static func name(for key: String) -> String? {
        let letters = key.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 0x20
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        guard letters.contains(where: { $0 != UInt8(ascii: "_") }) else { return nil }
        return String(("HOOKLINE_" + String(decoding: letters, as: UTF8.self)).prefix(maxNameBytes))
    }

    /// syslog(3).
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private mutating func append(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "="))
        bytes.append(contentsOf: value.utf8)
        ends.append(bytes.count)
    }
}
