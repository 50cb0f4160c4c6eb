/// A row of bars, one a column.
enum Sparkline {
    private static let bars = Array("▁▂▃▄▅▆▇█")

    /// - Parameter values: nil leaves the column empty; the largest one has the highest bar.
    static func text(_ values: [Double?]) -> String {
        let top = values.compactMap { $0 }.max() ?? 0
        return String(
            values.map { value -> Character in
                guard let value else { return " " }
                guard top > 0, value > 0 else { return bars[0] }
                return bars[min(bars.count - 1, Int((value / top * Double(bars.count)).rounded(.up)) - 1)]
            })
    }
}

/// A counter's readings over time.
struct Readings: Equatable, Sendable {
    struct Reading: Equatable, Sendable {
        /// Seconds, of any clock that does not go back.
        let at: Double
        let count: Double
    }

    private(set) var all: [Reading] = []

    /// Takes a reading; those that are older than `span` seconds go, but for the last of them. A counter that has gone back
    /// begins anew.
    mutating func add(_ count: Double, at time: Double, span: Double) {
        if let last = all.last, last.count > count || last.at >= time { all = [] }
        all.append(Reading(at: time, count: count))
        let old = all.prefix { $0.at < time - span }.count
        if old > 1 { all.removeFirst(old - 1) }
    }

    /// Counts a second between the last two readings.
    var rate: Double? {
        guard all.count > 1 else { return nil }
        let (one, two) = (all[all.count - 2], all[all.count - 1])
        return (two.count - one.count) / (two.at - one.at)
    }

    /// Counts a second in each of `count` equal parts of the last `span` seconds; nil where nothing was read.
    func rates(_ count: Int, span: Double) -> [Double?] {
        guard let first = all.first, let last = all.last, all.count > 1 else {
            return Array(repeating: nil, count: count)
        }
        let width = span / Double(count)
        var place = 0
        func value(at time: Double) -> Double {
            while place + 1 < all.count, all[place + 1].at < time { place += 1 }
            guard place + 1 < all.count else { return last.count }
            let (one, two) = (all[place], all[place + 1])
            return one.count + (two.count - one.count) * max(0, time - one.at) / (two.at - one.at)
        }
        return (0..<count).map { index in
            let from = last.at - span + Double(index) * width
            guard from + width > first.at else { return nil }
            let begin = max(from, first.at)
            let before = value(at: begin)
            return max(0, value(at: from + width) - before) / (from + width - begin)
        }
    }
}
