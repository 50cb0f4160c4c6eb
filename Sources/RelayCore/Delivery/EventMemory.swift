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
        let buffer: ObjectIdentifier
        let bytes: Int
        var holders: Int
    }

    private var batches: [Batch] = []
    private var free: [Int32] = []
    /// Those that are held. As long as they are, their identities are their own.
    private var shares: [ObjectIdentifier: Share] = [:]
    /// The one that was asked for last.
    private var last: (buffer: ObjectIdentifier, share: Share)?
    /// Of all batches that are held, and of what lanes know of them.
    private(set) var bytes = 0

    /// What it takes to hold one more event of a batch.
    mutating func price(of buffer: RecordBuffer) -> Int {
        Self.entryBytes + (share(of: ObjectIdentifier(buffer)) == nil ? buffer.count : 0)
    }

    private mutating func share(of buffer: ObjectIdentifier) -> Share? {
        if let last, last.buffer == buffer { return last.share }
        guard let share = shares[buffer] else { return nil }
        last = (buffer, share)
        return share
    }

    mutating func hold(_ buffer: RecordBuffer) -> Share {
        bytes += Self.entryBytes
        let identity = ObjectIdentifier(buffer)
        if let share = share(of: identity) {
            batches[Int(share.index)].holders += 1
            return share
        }
        let batch = Batch(buffer: identity, bytes: buffer.count, holders: 1)
        bytes += batch.bytes
        let share: Share
        if let index = free.popLast() {
            batches[Int(index)] = batch
            share = Share(index: index)
        } else {
            share = Share(index: Int32(batches.count))
            batches.append(batch)
        }
        shares[identity] = share
        last = (identity, share)
        return share
    }

    mutating func release(_ share: Share) {
        let index = Int(share.index)
        bytes -= Self.entryBytes
        batches[index].holders -= 1
        guard batches[index].holders == 0 else { return }
        bytes -= batches[index].bytes
        shares[batches[index].buffer] = nil
        free.append(share.index)
        if last?.share == share { last = nil }
    }
}
