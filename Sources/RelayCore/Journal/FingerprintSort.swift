/// An entry that is found by a fingerprint.
protocol Fingerprinted: BitwiseCopyable {
    associatedtype Fingerprint: FixedWidthInteger & UnsignedInteger
    var fingerprint: Fingerprint { get }
}

extension Array where Element: Fingerprinted {
    /// Sorts by fingerprint, equal ones in the order in which they are: digit by digit from the lowest one (Knuth: "The Art
    /// of Computer Programming", 5.2.5), so that the time does not depend on what the fingerprints are.
    mutating func sortByFingerprint() {
        guard count > 1 else { return }
        let digits = (Element.Fingerprint.bitWidth + digitBits - 1) / digitBits
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: digits << digitBits) { starts in
            starts.initialize(repeating: 0)
            for element in self {
                for digit in 0..<digits { starts[place(element.fingerprint, digit)] += 1 }
            }
            for digit in 0..<digits {
                var start: UInt32 = 0
                for place in digit << digitBits..<(digit + 1) << digitBits {
                    (starts[place], start) = (start, start + starts[place])
                }
            }
            withUnsafeMutableBufferPointer { elements in
                withUnsafeTemporaryAllocation(of: Element.self, capacity: elements.count) { others in
                    var (from, to) = (elements, others)
                    for digit in 0..<digits {
                        for element in from {
                            let place = place(element.fingerprint, digit)
                            to.initializeElement(at: Int(starts[place]), to: element)
                            starts[place] += 1
                        }
                        swap(&from, &to)
                    }
                    if digits % 2 == 1 { _ = elements.update(fromContentsOf: others) }
                }
            }
        }
    }
}

private let digitBits = 11

/// Where a digit of a fingerprint is counted: each digit has its own stretch.
@inline(__always)
private func place(_ fingerprint: some FixedWidthInteger, _ digit: Int) -> Int {
    digit << digitBits | Int(truncatingIfNeeded: fingerprint >> (digit * digitBits)) & (1 << digitBits - 1)
}
