/// A set of fingerprints that may say yes too often, and never no: a cuckoo filter (Fan, Andersen, Kaminsky, Mitzenmacher:
/// "Cuckoo Filter: Practically Better Than Bloom", 2014).
///
/// Buckets of four tags of 16 bits; a fingerprint's tag is in one of two buckets, of which each is found from the other
/// one and the tag. A word of 64 bits is a bucket. Says yes for about one in 8,000 that were never put in.
package final class IDFilterGeneration: @unchecked Sendable {
    // Owned by one thread at a time: by who builds it, then by the filter that adopts it.
    private let buckets: UnsafeMutablePointer<UInt64>
    private let mask: UInt64
    /// A tag that found no place any more: the generation is full then.
    private var homeless: (tag: UInt64, bucket: UInt64)?
    private var kickState: UInt64 = 0x2545_F491_4F6C_DD1D
    /// Fingerprints that it takes.
    package let capacity: Int
    package private(set) var count = 0
    /// Events whose ids are in it are among these.
    package private(set) var firstSequence: UInt64 = .max
    package private(set) var lastSequence: UInt64 = 0

    private static let load = 0.94
    private static let kicks = 500
    private static let lowBits: UInt64 = 0x0001_0001_0001_0001
    private static let highBits: UInt64 = 0x8000_8000_8000_8000

    /// - Parameter capacity: how many it has to take at least, but for a chance in millions.
    package convenience init(capacity: Int) {
        var size = 8
        while Self.capacity(ofBuckets: size) < capacity { size *= 2 }
        self.init(buckets: size)
    }

    /// The largest one that takes no more than so many, and at least 30.
    package convenience init(capacityAtMost capacity: Int) {
        var size = 8
        while Self.capacity(ofBuckets: size * 2) <= capacity { size *= 2 }
        self.init(buckets: size)
    }

    private init(buckets size: Int) {
        capacity = Self.capacity(ofBuckets: size)
        mask = UInt64(size - 1)
        buckets = .allocate(capacity: size)
        buckets.initialize(repeating: 0, count: size)
    }

    private static func capacity(ofBuckets size: Int) -> Int { Int(Double(size * 4) * load) }

    deinit {
        buckets.deallocate()
    }

    package var isFull: Bool { count >= capacity || homeless != nil }
    package var bytes: Int { Int(mask + 1) * 8 }

    @inline(__always)
    private static func tag(_ fingerprint: UInt64) -> UInt64 {
        let tag = fingerprint >> 48
        return tag == 0 ? 1 : tag
    }

    @inline(__always)
    private func other(_ bucket: UInt64, _ tag: UInt64) -> UInt64 {
        (bucket ^ (tag &* 0x5BD1_E995_9E37_79B9) >> 20) & mask
    }

    @inline(__always)
    private static func holds(_ word: UInt64, _ tag: UInt64) -> Bool {
        let difference = word ^ tag &* lowBits
        return (difference &- lowBits) & ~difference & highBits != 0
    }

    @inline(__always)
    package func mayContain(_ fingerprint: UInt64) -> Bool {
        let tag = Self.tag(fingerprint)
        let bucket = fingerprint & mask
        let alternative = other(bucket, tag)
        if Self.holds(buckets[Int(bucket)], tag) || Self.holds(buckets[Int(alternative)], tag) { return true }
        guard let homeless else { return false }
        return homeless.tag == tag && (homeless.bucket == bucket || homeless.bucket == alternative)
    }

    /// - Parameter sequences: among which the event's is.
    /// - Returns: false if it is full: the fingerprint is not in it.
    package func insert(_ fingerprint: UInt64, among sequences: ClosedRange<UInt64>) -> Bool {
        guard !isFull else { return false }
        count += 1
        firstSequence = min(firstSequence, sequences.lowerBound)
        lastSequence = max(lastSequence, sequences.upperBound)
        // An id that is refused and sent again, over and over, must not fill its two buckets: saying yes once is enough.
        guard !mayContain(fingerprint) else { return true }
        var tag = Self.tag(fingerprint)
        var bucket = fingerprint & mask
        if put(tag, bucket) || put(tag, other(bucket, tag)) { return true }
        for _ in 0..<Self.kicks {
            kickState ^= kickState << 13
            kickState ^= kickState >> 7
            kickState ^= kickState << 17
            let shift = (kickState & 3) * 16
            let evicted = buckets[Int(bucket)] >> shift & 0xFFFF
            buckets[Int(bucket)] ^= (evicted ^ tag) << shift
            tag = evicted
            bucket = other(bucket, tag)
            if put(tag, bucket) { return true }
        }
        homeless = (tag, bucket)
        return true
    }

    @inline(__always)
    private func put(_ tag: UInt64, _ bucket: UInt64) -> Bool {
        let word = buckets[Int(bucket)]
        for shift in stride(from: UInt64(0), to: 64, by: 16) where word >> shift & 0xFFFF == 0 {
            buckets[Int(bucket)] = word | tag << shift
            return true
        }
        return false
    }
}
