extension Configuration {
    /// Reads a configuration file's text alone, without the environment.
    ///
    /// - Parameters:
    ///   - toml: The text, TOML 1.0; empty is valid.
    ///   - file: The path to name in errors.
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong.
    package static func parse(_ toml: String, file: String) throws(ConfigurationErrors) -> Configuration {
        try load(text: toml, file: file, environment: [:])
    }

    /// Reads the configuration: environment before file before defaults.
    ///
    /// Each key has a variable: `delivery.max-in-flight` is `HOOKLINE_DELIVERY_MAX_IN_FLIGHT`. Lists are
    /// comma-separated; `[[producers]]` has none. Variables that name no key are ignored.
    ///
    /// - Parameters:
    ///   - text: The file's text, TOML 1.0; nil when there is no file.
    ///   - file: The path to name in errors.
    ///   - environment: The process's environment.
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong in both.
    package static func load(
        text: String?, file: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> Configuration {
        var reader = ConfigurationReader(file: file)
        if let text { reader.read(text) }
        reader.read(environment: environment)
        // With errors before, the catalogue or the rules may be incomplete, and this would accuse the wrong line.
        if reader.errors.isEmpty { reader.checkProducerEvents() }
        guard reader.errors.isEmpty else { throw ConfigurationErrors(errors: reader.errors) }
        return reader.configuration
    }

    /// The keys that differ and that a running daemon takes only by a restart, such as `api.listen`.
    ///
    /// - Parameter old: The settings that the daemon runs with.
    package func changesNeedingRestart(from old: Configuration) -> [String] {
        Setting.all.filter { $0.needsRestart && $0.differs(old, self) }.map(\.name)
    }
}
