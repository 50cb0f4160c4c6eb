/// One key of the configuration: where it stands, how it is read, what it sets.
struct Setting: Sendable {
    /// The table, such as `delivery`.
    let table: String
    /// The key in the table, such as `max-in-flight`.
    let key: String
    /// Whether a running daemon takes a change only by a restart.
    let needsRestart: Bool
    /// Reads a value and sets it; reasons are appended for what is wrong, and nothing is set then.
    let apply: @Sendable (SettingValue, inout Configuration, inout [String]) -> Void
    /// Whether two configurations differ here.
    let differs: @Sendable (Configuration, Configuration) -> Bool

    init<Value: Equatable & Sendable>(
        _ table: String, _ key: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        _ kind: ValueKind<Value>, needsRestart: Bool = false
    ) {
        self.table = table
        self.key = key
        self.needsRestart = needsRestart
        self.apply = { value, configuration, reasons in
            if let result = kind.read(value, &reasons) { configuration[keyPath: path] = result }
        }
        self.differs = { $0[keyPath: path] != $1[keyPath: path] }
    }

    /// The dotted key, such as `delivery.max-in-flight`.
    var name: String { "\(table).\(key)" }

    /// The environment variable, such as `HOOKLINE_DELIVERY_MAX_IN_FLIGHT`.
    var environmentName: String {
        "HOOKLINE_" + "\(table)_\(key)".uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }
}
