/// What became of the input's lines.
struct SendTally: Equatable {
    var accepted = 0
    var duplicates = 0
    var refused = 0
    /// Lines of nothing but whitespace, which are not sent.
    var blank = 0
    var reconnections = 0

    /// Lines that were settled.
    var settled: Int { accepted + duplicates + refused }

    /// One line for people: `1,000 lines in 12 ms (83,333/s): 998 accepted, 1 duplicate, 1 refused`.
    func summary(after elapsed: Duration) -> String {
        let microseconds = max(1, elapsed.microseconds)
        var parts = ["\(Self.grouped(accepted)) accepted"]
        if duplicates > 0 { parts.append("\(Self.grouped(duplicates)) duplicate\(duplicates == 1 ? "" : "s")") }
        if refused > 0 { parts.append("\(Self.grouped(refused)) refused") }
        if blank > 0 { parts.append("\(Self.grouped(blank)) blank") }
        if reconnections > 0 { parts.append("\(reconnections) reconnection\(reconnections == 1 ? "" : "s")") }
        let rate = Int(Double(settled) * 1_000_000 / Double(microseconds))
        return "\(Self.grouped(settled)) line\(settled == 1 ? "" : "s") in \(Self.text(microseconds)) "
            + "(\(Self.grouped(rate))/s): \(parts.joined(separator: ", "))"
    }

    /// Digits in groups of three.
    static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0 && index.isMultiple(of: 3) && digit != "-" { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    private static func text(_ microseconds: Int64) -> String {
        if microseconds < 1_000_000 { return "\(microseconds / 1_000) ms" }
        return "\(microseconds / 1_000_000).\(microseconds / 100_000 % 10) s"
    }
}
