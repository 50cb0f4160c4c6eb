import RelayCore

/// Writes the Prometheus text exposition format, version 0.0.4.
///
/// ```
/// # HELP name What it is; \\ and \n are escaped.
/// # TYPE name counter
/// name{label="value; \\, \" and \n are escaped"} 1
/// ```
///
/// A family's samples stand together behind its two comment lines, as the format wants.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter, gauge, histogram
    }

    typealias Label = (name: String, value: String)

    private(set) var bytes: [UInt8] = []
    private var name = ""

    /// Begins a family; samples that follow are of it.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        bytes += "# HELP \(name) ".utf8
        for byte in help.utf8 { append(byte, escapesQuotes: false) }
        bytes += "\n# TYPE \(name) \(kind.rawValue)\n".utf8
    }

    mutating func sample(_ value: some BinaryInteger, _ labels: Label...) {
        sample("", String(value), labels)
    }

    mutating func sample(_ value: Double, _ labels: Label...) {
        sample("", Self.text(value), labels)
    }

    /// A histogram's samples: cumulative buckets, sum and count.
    mutating func samples(_ histogram: Histogram) {
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds + [.infinity], histogram.counts) {
            total += count
            sample("_bucket", String(total), [("le", Self.text(bound))])
        }
        sample("_sum", Self.text(histogram.sum), [])
        sample("_count", String(total), [])
    }

    /// A family of one sample without labels.
    mutating func gauge(_ name: String, _ value: some BinaryInteger, _ help: String) {
        family(name, .gauge, help)
        sample(value)
    }

    mutating func counter(_ name: String, _ value: some BinaryInteger, _ help: String) {
        family(name, .counter, help)
        sample(value)
    }

    // MARK: Inside

    private mutating func sample(_ suffix: String, _ value: String, _ labels: [Label]) {
        bytes += name.utf8
        bytes += suffix.utf8
        if !labels.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            for (index, label) in labels.enumerated() {
                bytes += "\(index == 0 ? "" : ",")\(label.name)=\"".utf8
                for byte in label.value.utf8 { append(byte, escapesQuotes: true) }
                bytes.append(UInt8(ascii: "\""))
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes += " \(value)\n".utf8
    }

    private mutating func append(_ byte: UInt8, escapesQuotes: Bool) {
        switch byte {
        case UInt8(ascii: "\\"): bytes += "\\\\".utf8
        case UInt8(ascii: "\n"): bytes += "\\n".utf8
        case UInt8(ascii: "\"") where escapesQuotes: bytes += "\\\"".utf8
        default: bytes.append(byte)
        }
    }

    /// A number as Go's `ParseFloat` reads it.
    private static func text(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == -.infinity { return "-Inf" }
        if value.isNaN { return "NaN" }
        // Whole numbers without ".0", as other exporters write them.
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }
}
