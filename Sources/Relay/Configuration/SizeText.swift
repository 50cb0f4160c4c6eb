/// Sizes as the configuration writes them: a whole number of bytes, or of `KiB`, `MiB` or `GiB`.
enum SizeText {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]

    /// Reads a size.
    ///
    /// - Parameter text: Decimal digits and perhaps `KiB`, `MiB` or `GiB`, without a space.
    /// - Returns: The size in bytes; nil when the text is anything else or the size exceeds 2^63 - 1.
    static func parse(_ text: String) -> Int64? {
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }) else { return DecimalText.parse(text[...]) }
        guard let number = DecimalText.parse(text.dropLast(unit.suffix.count)) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        return overflow ? nil : bytes
    }

    /// Writes a size in the largest unit that divides it.
    static func format(_ bytes: Int64) -> String {
        guard bytes != 0, let unit = units.first(where: { bytes.isMultiple(of: $0.bytes) }) else { return "\(bytes)" }
        return "\(bytes / unit.bytes)\(unit.suffix)"
    }
}

/// Whole numbers without a sign.
enum DecimalText {
    /// The number that the digits write; nil for anything but ASCII digits, and beyond 2^63 - 1.
    static func parse(_ digits: Substring) -> Int64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(digits)
    }
}
