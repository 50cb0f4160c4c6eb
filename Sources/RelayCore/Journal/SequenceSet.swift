/// A set of sequences: a bit each, in chunks of 4096 that are only there where some are in it.
package struct SequenceSet: Equatable, Sendable {
    private static let wordsPerChunk = 64
    private static let chunkShift: UInt64 = 12

    /// Ascending; which sequences a chunk stands for, divided by 4096.
    private var keys: [UInt64] = []
    private var chunks: [[UInt64]] = []

    package init() {}

    package var isEmpty: Bool { !chunks.contains { $0.contains { $0 != 0 } } }
    package var count: Int { chunks.reduce(0) { $0 + $1.reduce(0) { $0 + $1.nonzeroBitCount } } }

    package mutating func insert(_ sequence: UInt64) {
        let key = sequence >> Self.chunkShift
        let index: Int
        if let last = keys.last, last == key {
            index = keys.count - 1
        } else {
            index = keys.firstIndex(atOrAbove: key)
            if index == keys.count || keys[index] != key {
                keys.insert(key, at: index)
                chunks.insert(Array(repeating: 0, count: Self.wordsPerChunk), at: index)
            }
        }
        chunks[index][Self.word(sequence)] |= Self.bit(sequence)
    }

    package mutating func remove(_ sequence: UInt64) {
        guard let index = chunk(of: sequence) else { return }
        chunks[index][Self.word(sequence)] &= ~Self.bit(sequence)
    }

    package func contains(_ sequence: UInt64) -> Bool {
        chunk(of: sequence).map { chunks[$0][Self.word(sequence)] & Self.bit(sequence) != 0 } ?? false
    }

    /// The lowest one that is not below a sequence.
    package func first(atOrAbove sequence: UInt64) -> UInt64? {
        var index = keys.firstIndex(atOrAbove: sequence >> Self.chunkShift)
        var start = sequence
        while index < keys.count {
            let base = keys[index] << Self.chunkShift
            start = max(start, base)
            var word = Self.word(start)
            // What is below the start does not count in its own word.
            var rest = chunks[index][word] & ~(Self.bit(start) &- 1)
            while rest == 0, word + 1 < Self.wordsPerChunk {
                word += 1
                rest = chunks[index][word]
            }
            if rest != 0 { return base + UInt64(word * 64 + rest.trailingZeroBitCount) }
            index += 1
        }
        return nil
    }

    private func chunk(of sequence: UInt64) -> Int? {
        let key = sequence >> Self.chunkShift
        let index = keys.firstIndex(atOrAbove: key)
        return index < keys.count && keys[index] == key ? index : nil
    }

    private static func word(_ sequence: UInt64) -> Int { Int(sequence >> 6 & 63) }
    private static func bit(_ sequence: UInt64) -> UInt64 { 1 << (sequence & 63) }
}
