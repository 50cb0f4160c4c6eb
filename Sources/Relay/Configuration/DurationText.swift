/// Times as the configuration writes them: a whole number and a unit, such as `15s` or `250ms`.
enum DurationText {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
    ]

    /// Reads a time.
    ///
    /// - Parameter text: Decimal digits and `ms`, `s`, `m`, `h` or `d`, without a space.
    /// - Returns: The time; nil when the text is anything else or the time exceeds 2^63 - 1 ms.
    static func parse(_ text: String) -> Duration? {
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let number = DecimalText.parse(text.dropLast(unit.suffix.count))
        else { return nil }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow ? nil : .milliseconds(milliseconds)
    }

    /// Writes a time in the largest unit that divides it; parts of a millisecond are cut off.
    static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        if milliseconds == 0 { return "0s" }
        let unit = units.dropFirst().first { milliseconds.isMultiple(of: $0.milliseconds) } ?? units[0]
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}
