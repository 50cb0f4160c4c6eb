/// Answers to requests with an `Idempotency-Key`, by their fingerprints: bounded in time, number and bytes. Of one caller's
/// the oldest is forgotten first, so that a busy one costs the others nothing until all are.
package struct AnswerMemory: Sendable {
    package struct Bounds: Sendable {
        package var milliseconds: Int64 = 24 * 3600 * 1000
        package var count = 10_000
        package var bytes = 8 << 20
        package var countPerCaller = 1_000
        package var bytesPerCaller = 2 << 20

        package init() {}
    }

    package struct Entry: Equatable, Sendable {
        /// Of caller, route and key.
        package let id: String
        /// Of the caller.
        package let caller: String
        /// Of query and body.
        package let contents: String
        /// Unix milliseconds.
        package let at: Int64
        package let answer: KeptAnswer

        package init(id: String, caller: String, contents: String, at: Int64, answer: KeptAnswer) {
            self.id = id
            self.caller = caller
            self.contents = contents
            self.at = at
            self.answer = answer
        }

        /// With what it takes to keep it, about.
        package var bytes: Int { answer.body.count + 512 }
    }

    private struct Share {
        var count = 0
        var bytes = 0
    }

    package let bounds: Bounds
    private var entries: [String: Entry] = [:]
    /// Ids, oldest first, with when they were put; those that are not in `entries` with that time any more are skipped.
    private var order: [(id: String, at: Int64)] = []
    private var head = 0
    private var shares: [String: Share] = [:]
    private var inProgress: [String: String] = [:]
    package private(set) var bytes = 0

    package init(bounds: Bounds = Bounds()) {
        self.bounds = bounds
    }

    package var count: Int { entries.count }

    /// Oldest first.
    package var all: [Entry] {
        order[head...].compactMap { item in entries[item.id].flatMap { $0.at == item.at ? $0 : nil } }
    }

    /// Looks a request up, and notes it as begun if it is new.
    package mutating func begin(id: String, contents: String, now: Int64) -> IdempotencyVerdict {
        forget(before: now - bounds.milliseconds)
        if let begun = inProgress[id] { return begun == contents ? .inProgress : .different }
        if let entry = entries[id] { return entry.contents == contents ? .known(entry.answer) : .different }
        inProgress[id] = contents
        return .new
    }

    /// A request has come to nothing that is to be kept.
    package mutating func abandon(id: String) { inProgress[id] = nil }

    /// Keeps an answer.
    package mutating func insert(_ entry: Entry) {
        inProgress[entry.id] = nil
        remove(entry.id)
        entries[entry.id] = entry
        order.append((entry.id, entry.at))
        bytes += entry.bytes
        shares[entry.caller, default: Share()].count += 1
        shares[entry.caller, default: Share()].bytes += entry.bytes
        while let share = shares[entry.caller],
            share.count > bounds.countPerCaller || share.bytes > bounds.bytesPerCaller
        {
            removeOldest { $0.caller == entry.caller }
        }
        while entries.count > bounds.count || bytes > bounds.bytes { removeOldest { _ in true } }
        // What was removed between others would otherwise stay here until those have gone.
        if order.count - head > 2 * entries.count + 1024 {
            order = all.map { ($0.id, $0.at) }
            head = 0
        }
    }

    package mutating func forget(before time: Int64) {
        while head < order.count {
            let (id, at) = order[head]
            if let entry = entries[id], entry.at == at {
                guard at <= time else { break }
                remove(id)
            }
            head += 1
        }
        if head > 1024, head > order.count / 2 {
            order.removeFirst(head)
            head = 0
        }
    }

    private mutating func removeOldest(where condition: (Entry) -> Bool) {
        let oldest = order[head...].lazy.compactMap { [entries] item in
            entries[item.id].flatMap { $0.at == item.at ? $0 : nil }
        }.first(where: condition)
        if let oldest { remove(oldest.id) }
    }

    private mutating func remove(_ id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        bytes -= entry.bytes
        shares[entry.caller]?.count -= 1
        shares[entry.caller]?.bytes -= entry.bytes
        if shares[entry.caller]?.count == 0 { shares[entry.caller] = nil }
    }
}
