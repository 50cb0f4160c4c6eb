/// What events that wait take in memory: lanes share the batch that an event came in, or that it was read in, and all of it
/// is held as long as one of its events waits anywhere.
struct EventMemory {
    /// What a lane knows of an event that waits.
    private static let entryBytes = MemoryLayout<Lane.Waiting>.stride

    /// A lane's part in a batch.
    struct Share: Equatable {
        fileprivate let index: Int32
    }

    private struct Batch {
        let bytes: Int
        var holders: Int
        /// Where it is listed, if lanes may ask for it in any order.
        let listed: ObjectIdentifier?
    }

    private var batches: [Batch] = []
    private var free: [Int32] = []
    /// The live batch that came last. As long as it is held, its identity is its own.
    private var last: (buffer: ObjectIdentifier, share: Share)?
    /// Batches that were read from the journal: one lane after the other comes by.
    private var listed: [ObjectIdentifier: Share] = [:]
    /// Of all batches that are held, and of what lanes know of them.
    private(set) var bytes = 0

    /// What it takes to hold one more event of a live batch.
    func price(of buffer: RecordBuffer) -> Int {
        Self.entryBytes + (last?.buffer == ObjectIdentifier(buffer) ? 0 : buffer.count)
    }

    /// Holds an event of a live batch: all lanes take its events before the next batch comes.
    mutating func hold(_ buffer: RecordBuffer) -> Share {
        if let last, last.buffer == ObjectIdentifier(buffer) { return again(last.share) }
        let share = add(Batch(bytes: buffer.count, holders: 1, listed: nil))
        last = (ObjectIdentifier(buffer), share)
        return share
    }

    /// Holds an event that was read from the journal.
    mutating func hold(read buffer: RecordBuffer) -> Share {
        let identity = ObjectIdentifier(buffer)
        if let share = listed[identity] { return again(share) }
        let share = add(Batch(bytes: buffer.count, holders: 1, listed: identity))
        listed[identity] = share
        return share
    }

    private mutating func again(_ share: Share) -> Share {
        batches[Int(share.index)].holders += 1
        bytes += Self.entryBytes
        return share
    }

    private mutating func add(_ batch: Batch) -> Share {
        bytes += batch.bytes + Self.entryBytes
        guard let index = free.popLast() else {
            batches.append(batch)
            return Share(index: Int32(batches.count - 1))
        }
        batches[Int(index)] = batch
        return Share(index: index)
    }

    mutating func release(_ share: Share) {
        let index = Int(share.index)
        bytes -= Self.entryBytes
        batches[index].holders -= 1
        guard batches[index].holders == 0 else { return }
        bytes -= batches[index].bytes
        if let identity = batches[index].listed { listed[identity] = nil }
        free.append(share.index)
        if last?.share == share { last = nil }
    }
}
