/// One thing that is wrong in the configuration.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The configuration file's path, or `environment`.
    package var file: String
    /// The line, from 1; nil where it is not known.
    package var line: Int?
    /// The dotted key, such as `delivery.timeout`, or the environment variable; empty for a syntax error.
    package var key: String
    /// What is wrong and what would do, without the place.
    package var reason: String

    /// Makes an error from its parts.
    package init(file: String, line: Int?, key: String, reason: String) {
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
    }

    /// One line: `/etc/hookline/hookline.toml:12: delivery.timeout: "15 parsecs" is no duration: …`.
    package var description: String {
        var parts = [line.map { "\(file):\($0)" } ?? file]
        if !key.isEmpty { parts.append(key) }
        parts.append(reason)
        // Keys and values come from the file; a line break in one would forge a second message, an escape sequence
        // would speak to the terminal.
        return String(parts.joined(separator: ": ").map { $0.isNewline || $0.asciiValue ?? 0x20 < 0x20 ? " " : $0 })
    }
}

/// Everything that is wrong in the configuration, in the order of the file, then of the environment's names.
package struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one.
    package var errors: [ConfigurationError]

    /// Makes it from the errors found.
    package init(errors: [ConfigurationError]) {
        self.errors = errors
    }

    /// One line for each error.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}
