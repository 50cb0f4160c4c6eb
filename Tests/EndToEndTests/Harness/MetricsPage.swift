import Foundation

/// `/metrics` as a strict reader of the Prometheus text format sees it: every line has to be right, families stand together
/// behind their two comment lines, no sample is there twice, and histograms add up.
struct MetricsPage {
    private(set) var values: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    /// - Throws: ``Unmet`` for the first line that is wrong.
    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Unmet("the last line has no LF") }
        var family = ""
        var helped = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)*)/) {
                helped = String(match.1)
                guard types[helped] == nil else { throw Unmet("a family is there twice: \(line)") }
            } else if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)/) {
                family = String(match.1)
                guard family == helped else { throw Unmet("TYPE is not behind its HELP: \(line)") }
                types[family] = String(match.2)
            } else {
                try take(String(line), family: family)
            }
        }
        try checkHistograms()
    }

    private mutating func take(_ line: String, family: String) throws {
        let label = "[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\]|\\\\\\\\|\\\\\"|\\\\n)*\""
        let pattern = try Regex("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{\(label)(?:,\(label))*\\})? ([^ ]+)")
        guard let match = try pattern.wholeMatch(in: line), let name = match[1].substring, let text = match[3].substring
        else { throw Unmet("no sample: \(line)") }
        guard let value = text == "+Inf" ? .infinity : Double(text) else { throw Unmet("no number: \(line)") }
        let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { name == family + $0 }) else { throw Unmet("outside of its family: \(line)") }
        if types[family] == "counter" {
            guard name.hasSuffix("_total"), value >= 0 else { throw Unmet("no counter: \(line)") }
        }
        let key = String(name) + String(match[2].substring ?? "")
        guard values.updateValue(value, forKey: key) == nil else { throw Unmet("a sample is there twice: \(line)") }
    }

    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            let buckets = values.filter { $0.key.hasPrefix("\(family)_bucket{") }.compactMap { key, value in
                key.split(separator: "\"").dropFirst().first.map {
                    ($0 == "+Inf" ? .infinity : Double($0) ?? .nan, value)
                }
            }.sorted { $0.0 < $1.0 }
            guard buckets.last?.0 == .infinity, buckets.last?.1 == values["\(family)_count"],
                values["\(family)_sum"] != nil, zip(buckets, buckets.dropFirst()).allSatisfy({ $0.1 <= $1.1 })
            else { throw Unmet("the histogram \(family) does not add up") }
        }
    }

    /// A sample by its name with its labels; nothing that is not there counts.
    subscript(key: String) -> Double? { values[key] }

    /// The sum of a family's samples.
    func sum(_ family: String) -> Double {
        values.filter { $0.key == family || $0.key.hasPrefix("\(family){") }.values.reduce(0, +)
    }
}

extension Daemon {
    func metrics() throws -> MetricsPage {
        let answer = try api.call("GET", "/metrics")
        guard answer.status == 200, answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8" else {
            throw Unmet("no metrics: \(answer.status) \(answer.headers)")
        }
        return try MetricsPage(String(decoding: answer.body, as: UTF8.self))
    }
}
