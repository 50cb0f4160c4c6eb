/// "Did you mean": the known name nearest to a misspelt one.
enum Suggestion {
    /// A phrase to end a message with, such as `; did you mean "timeout"?`; empty when no name is near.
    ///
    /// - Parameters:
    ///   - name: The unknown name.
    ///   - known: The names that would do.
    static func phrase(for name: String, among known: [String]) -> String {
        let distances = known.map { (name: $0, distance: distance(normalized(name), normalized($0))) }
        // Up to a third of the letters wrong, so that a short name does not suggest an unrelated one.
        guard let nearest = distances.min(by: { $0.distance < $1.distance }),
            nearest.distance <= max(1, nearest.name.utf8.count / 3)
        else { return "" }
        return "; did you mean \"\(nearest.name)\"?"
    }

    private static func normalized(_ name: String) -> [UInt8] {
        name.lowercased().utf8.prefix(64).map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
    }

    /// The Levenshtein distance.
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var row = Array(0...second.count)
        for (i, a) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in second.enumerated() {
                let replaced = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
