/// What live events take in memory: lanes share the batch that an event came in, and all of it is held as long as one of
/// its events waits anywhere.
struct LiveMemory {
    /// What a lane knows of an event that waits.
    private static let entryBytes = MemoryLayout<Lane.Waiting>.stride

    /// A lane's part in a batch.
    struct Share: Equatable {
        fileprivate let index: Int32
    }

    private struct Batch {
        var bytes = 0
        var holders = 0
    }

    private var batches: [Batch] = []
    private var free: [Int32] = []
    /// The batch that came last. Its identity is its own as long as it is held.
    private var last: (buffer: ObjectIdentifier, share: Share)?
    /// Of all batches that are held, and of what lanes know of them.
    private(set) var bytes = 0

    /// What it takes to hold one more event of a batch.
    func price(of buffer: RecordBuffer) -> Int {
        Self.entryBytes + (last?.buffer == ObjectIdentifier(buffer) ? 0 : buffer.count)
    }

    mutating func hold(_ buffer: RecordBuffer) -> Share {
        bytes += Self.entryBytes
        if let last, last.buffer == ObjectIdentifier(buffer) {
            batches[Int(last.share.index)].holders += 1
            return last.share
        }
        let batch = Batch(bytes: buffer.count, holders: 1)
        bytes += batch.bytes
        let share: Share
        if let index = free.popLast() {
            batches[Int(index)] = batch
            share = Share(index: index)
        } else {
            share = Share(index: Int32(batches.count))
            batches.append(batch)
        }
        last = (ObjectIdentifier(buffer), share)
        return share
    }

    mutating func release(_ share: Share) {
        let index = Int(share.index)
        bytes -= Self.entryBytes
        batches[index].holders -= 1
        guard batches[index].holders == 0 else { return }
        bytes -= batches[index].bytes
        free.append(share.index)
        if last?.share == share { last = nil }
    }
}
