import CChecksum

/// A set of fingerprints that may say yes too often, and never no: a cuckoo filter (Fan, Andersen, Kaminsky, Mitzenmacher:
/// "Cuckoo Filter: Practically Better Than Bloom", 2014).
///
/// Buckets of four tags of 16 bits; a fingerprint's tag is in one of two buckets, of which each is found from the other
/// one and the tag. A word of 64 bits is a bucket. Says yes for about one in 8,000 that were never put in.
package final class IDFilterGeneration: @unchecked Sendable {
    // Owned by one thread at a time: by who builds it, then by the filter that adopts it.
    /// What a look-up needs; valid as long as the generation.
    let table: Table
    @exclusivity(unchecked) private var kickState: UInt64 = 0x2545_F491_4F6C_DD1D
    /// What `walk` has changed, to be changed back where that comes to nothing.
    private let evictions = UnsafeMutablePointer<(bucket: UInt64, change: UInt64)>.allocate(capacity: kicks)
    /// A tag found no place any more.
    @exclusivity(unchecked) private var isStuck = false
    /// Fingerprints that it takes.
    package let capacity: Int
    @exclusivity(unchecked) package private(set) var count = 0
    /// Events whose ids are in it are among these.
    @exclusivity(unchecked) package private(set) var firstSequence: UInt64 = .max
    @exclusivity(unchecked) package private(set) var lastSequence: UInt64 = 0

    /// The buckets.
    struct Table: @unchecked Sendable {
        fileprivate let buckets: UnsafeMutablePointer<UInt64>
        fileprivate let mask: UInt64

        private static let lowBits: UInt64 = 0x0001_0001_0001_0001
        private static let highBits: UInt64 = 0x8000_8000_8000_8000

        @inline(__always)
        func prefetch(_ fingerprint: UInt64) {
            let bucket = fingerprint & mask
            hookline_prefetch(buckets + Int(bucket))
            hookline_prefetch(buckets + Int(other(bucket, Self.tag(fingerprint))))
        }

        @inline(__always)
        func mayContain(_ fingerprint: UInt64) -> Bool {
            let tag = Self.tag(fingerprint)
            let bucket = fingerprint & mask
            // Both at once: the second memory access need not wait for the first one's outcome.
            return Self.marks(buckets[Int(bucket)], tag) | Self.marks(buckets[Int(other(bucket, tag))], tag) != 0
        }

        @inline(__always)
        fileprivate static func tag(_ fingerprint: UInt64) -> UInt64 {
            let tag = fingerprint >> 48
            return tag == 0 ? 1 : tag
        }

        @inline(__always)
        fileprivate func other(_ bucket: UInt64, _ tag: UInt64) -> UInt64 {
            (bucket ^ (tag &* 0x5BD1_E995_9E37_79B9) >> 20) & mask
        }

        /// Not 0 if a bucket holds a tag.
        @inline(__always)
        private static func marks(_ bucket: UInt64, _ tag: UInt64) -> UInt64 {
            let difference = bucket ^ tag &* lowBits
            return (difference &- lowBits) & ~difference & highBits
        }

        /// Puts a tag into a bucket with an empty place; tags stand from the lowest bits on.
        @inline(__always)
        fileprivate func put(_ tag: UInt64, _ bucket: UInt64) -> Bool {
            let word = buckets[Int(bucket)]
            guard word >> 48 == 0 else { return false }
            buckets[Int(bucket)] = word | tag << (Self.usedBits(word) & 63)
            return true
        }

        /// How many bits of a bucket its tags take.
        @inline(__always)
        private static func usedBits(_ word: UInt64) -> UInt64 {
            UInt64(64 - word.leadingZeroBitCount + 15) & ~15
        }

        /// Puts a tag into the emptier one of its two buckets: so it lasts longest until both are full.
        @inline(__always)
        fileprivate func putInEmptier(_ tag: UInt64, _ bucket: UInt64) -> Bool {
            let other = other(bucket, tag)
            return put(tag, buckets[Int(other)] >> 32 < buckets[Int(bucket)] >> 32 ? other : bucket)
        }
    }

    private static let load = 0.94
    private static let kicks = 500

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
        let buckets = hookline_table_allocate(size * MemoryLayout<UInt64>.stride).bindMemory(
            to: UInt64.self, capacity: size)
        table = Table(buckets: buckets, mask: UInt64(size - 1))
    }

    private static func capacity(ofBuckets size: Int) -> Int { Int(Double(size * 4) * load) }

    deinit {
        hookline_table_free(table.buckets)
        evictions.deallocate()
    }

    package var isFull: Bool { count >= capacity || isStuck }
    package var bytes: Int { Int(table.mask + 1) * 8 }

    package func mayContain(_ fingerprint: UInt64) -> Bool { table.mayContain(fingerprint) }

    /// - Parameter sequences: among which the event's is.
    /// - Returns: false if it is full: the fingerprint is not in it.
    package func insert(_ fingerprint: UInt64, among sequences: ClosedRange<UInt64>) -> Bool {
        guard !isFull else { return false }
        // An id that is refused and sent again, over and over, must not fill its two buckets: saying yes once is enough.
        guard table.mayContain(fingerprint) || place(fingerprint) else {
            isStuck = true
            return false
        }
        count += 1
        firstSequence = min(firstSequence, sequences.lowerBound)
        lastSequence = max(lastSequence, sequences.upperBound)
        return true
    }

    @inline(__always)
    private func place(_ fingerprint: UInt64) -> Bool {
        let tag = Table.tag(fingerprint)
        let bucket = fingerprint & table.mask
        return table.putInEmptier(tag, bucket) || makeRoom(tag, bucket)
    }

    /// Puts a tag in the place of another one, that one in the place of a third, until one finds an empty place; if none
    /// does, all is as before.
    @inline(never)
    private func makeRoom(_ tag: UInt64, _ bucket: UInt64) -> Bool {
        moveOne(from: bucket, for: tag) || moveOne(from: table.other(bucket, tag), for: tag) || walk(tag, bucket)
    }

    /// Moves one of a bucket's tags to its other bucket, where there is room nearly always. Those four are looked at
    /// together: memory is waited for once, and not at every step of a walk.
    @inline(__always)
    private func moveOne(from bucket: UInt64, for tag: UInt64) -> Bool {
        let word = table.buckets[Int(bucket)]
        var found: UInt64 = 64
        for shift in stride(from: UInt64(0), to: 64, by: 16) {
            let other = table.other(bucket, word >> shift & 0xFFFF)
            // No branch: the four reads are under way at once.
            found = table.buckets[Int(other)] >> 48 == 0 ? shift : found
        }
        guard found < 64 else { return false }
        let moved = word >> found & 0xFFFF
        table.buckets[Int(bucket)] = word ^ (moved ^ tag) << found
        return table.put(moved, table.other(bucket, moved))
    }

    private func walk(_ wanted: UInt64, _ first: UInt64) -> Bool {
        var (tag, bucket) = (wanted, first)
        for step in 0..<Self.kicks {
            kickState ^= kickState << 13
            kickState ^= kickState >> 7
            kickState ^= kickState << 17
            let shift = (kickState & 3) * 16
            let evicted = table.buckets[Int(bucket)] >> shift & 0xFFFF
            let change = (evicted ^ tag) << shift
            table.buckets[Int(bucket)] ^= change
            evictions[step] = (bucket, change)
            tag = evicted
            bucket = table.other(bucket, tag)
            if table.put(tag, bucket) || moveOne(from: bucket, for: tag) { return true }
        }
        for step in (0..<Self.kicks).reversed() {
            table.buckets[Int(evictions[step].bucket)] ^= evictions[step].change
        }
        return false
    }
}
