import Glibc

/// Rows under headings. The last columns give way where the terminal is too narrow for all.
struct TextTable {
    /// A column narrower than this isn't worth reading.
    private static let narrowest = 8
    private static let gap = "  "

    let headings: [String]
    private(set) var rows: [[String]] = []

    init(_ headings: String...) {
        self.headings = headings
    }

    /// - Parameter cells: one for each heading; made safe for the terminal here
    mutating func add(_ cells: [String]) {
        rows.append(cells.map { PrintableText.of($0) })
    }

    /// The lines, headings first.
    ///
    /// - Parameter width: columns of a line; nil if it may have any number
    func lines(width: Int?, style: TextStyle) -> [String] {
        let widths = columnWidths(fitting: width)
        let body = rows.map { line($0, widths) }
        return [style.dim(line(headings, widths))] + body
    }

    private func columnWidths(fitting width: Int?) -> [Int] {
        var widths = headings.indices.map { column in
            rows.reduce(TextWidth.of(headings[column])) { max($0, TextWidth.of($1[column])) }
        }
        guard let width else { return widths }
        var excess = widths.reduce(0, +) + Self.gap.count * (widths.count - 1) - width
        for column in widths.indices.reversed() where excess > 0 {
            let given = min(excess, max(0, widths[column] - max(Self.narrowest, TextWidth.of(headings[column]))))
            widths[column] -= given
            excess -= given
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = zip(cells, widths).enumerated().map { index, cell in
            let (text, width) = cell
            let shown = TextWidth.clip(text, to: width)
            return index == cells.count - 1 ? shown : shown.padded(to: width)
        }
        return padded.joined(separator: Self.gap)
    }
}
