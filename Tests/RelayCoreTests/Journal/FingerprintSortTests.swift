import Testing

@testable import RelayCore

/// Sorting what an index file holds by fingerprint.
@Suite struct FingerprintSortTests {
    private struct Entry<Fingerprint: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>: Fingerprinted, Equatable {
        let fingerprint: Fingerprint
        let event: Int
    }

    private func check<Fingerprint: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ fingerprints: [Fingerprint]
    ) {
        let entries = fingerprints.enumerated().map { Entry(fingerprint: $0.element, event: $0.offset) }
        var sorted = entries
        sorted.sortByFingerprint()
        #expect(sorted == entries.sorted { ($0.fingerprint, $0.event) < ($1.fingerprint, $1.event) })
    }

    @Test(arguments: [0, 1, 2, 3, 100, 10_000]) func sortsAnyNumber(_ count: Int) {
        check((0..<count).map { _ in UInt64.random(in: .min ... .max) })
        check((0..<count).map { _ in UInt32.random(in: .min ... .max) })
    }

    @Test func keepsEqualOnesInTheirOrder() {
        check((0..<5000).map { UInt64($0 % 7) << 60 })
        check((0..<5000).map { UInt32($0 % 7) })
    }

    @Test func eachBitCounts() {
        check((0..<64).map { UInt64(1) << UInt64(63 - $0) })
        check((0..<32).map { UInt32(1) << UInt32(31 - $0) } + [.max, 0])
    }
}
