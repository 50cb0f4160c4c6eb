import ArgumentParser

/// A time as it is written on the command line: a number and `ms`, `s`, `m`, `h` or `d`; a bare number is seconds.
struct DurationArgument: ExpressibleByArgument, Sendable, Equatable {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        let number = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(number), value.isFinite else { return nil }
        let milliseconds: Double
        switch argument.dropFirst(number.count) {
        case "ms": milliseconds = value
        case "s", "": milliseconds = value * 1_000
        case "m": milliseconds = value * 60_000
        case "h": milliseconds = value * 3_600_000
        case "d": milliseconds = value * 86_400_000
        default: return nil
        }
        // A year is longer than anything here is for, and keeps the sums of times far from their limits.
        guard milliseconds <= 366 * 86_400_000 else { return nil }
        duration = .microseconds(Int64(milliseconds * 1_000))
    }

    var defaultValueDescription: String {
        let milliseconds = duration.milliseconds
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// Whole microseconds, rounded towards zero.
    var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
