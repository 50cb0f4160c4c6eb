/// Numbers and times as the live screen shows them: short.
enum TopText {
    /// A rate: `0`, `0.5`, `12.3`, `1,234`, `123k`.
    static func rate(_ value: Double?) -> String {
        guard let value else { return "–" }
        switch value {
        case ..<0.05: return "0"
        case ..<99.95: return tenths(value)
        case ..<99_999.5: return TopModel.grouped(Int64(value.rounded()))
        default: return "\(TopModel.grouped(Int64((value / 1000).rounded())))k"
        }
    }

    /// A count in at most seven columns.
    static func count(_ value: Int64) -> String {
        switch value {
        case ..<1_000_000: TopModel.grouped(value)
        case ..<1_000_000_000: tenths(Double(value / 100_000) / 10) + "M"
        default: tenths(Double(value / 100_000_000) / 10) + "G"
        }
    }

    /// How long something takes: `0.8 ms`, `12 ms`, `1.2 s`, `3 min`.
    static func seconds(_ value: Double?) -> String {
        guard let value else { return "–" }
        switch value {
        case ..<0.00995: return tenths(value * 1000) + " ms"
        case ..<0.9995: return "\(Int((value * 1000).rounded())) ms"
        case ..<9.95: return tenths(value) + " s"
        case ..<60: return "\(Int(value.rounded())) s"
        default: return age(Int64(value * 1000))
        }
    }

    /// How long ago, or for how long: `3 s`, `12 min`, `5 h`, `2 d`.
    static func age(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min"
        case ..<172_800:
            let minutes = seconds / 60 % 60
            return "\(seconds / 3_600) h" + (seconds < 36_000 && minutes > 0 ? " \(minutes) min" : "")
        default: return "\(seconds / 86_400) d"
        }
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 && tenths >= 100 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
