/// Which events the lanes still need, as a restart at some moment would find them: a value that other threads can ask.
package struct JournalNeeds: Equatable, Sendable {
    package struct Lane: Equatable, Sendable {
        /// Everything of the lane from here on is needed.
        package var cursor: UInt64
        /// What is needed before that, ascending.
        package var open: [UInt64]

        package init(cursor: UInt64, open: [UInt64]) {
            self.cursor = cursor
            self.open = open
        }
    }

    package let lanes: [WebhookNumber: Lane]
    /// What is open in any lane, ascending: a repeated delivery's event need not have matched its webhook.
    private let open: [UInt64]

    package init(lanes: [WebhookNumber: Lane] = [:]) {
        self.lanes = lanes
        open = lanes.values.flatMap(\.open).sorted()
    }

    package func needs(_ event: EventRecord) -> Bool {
        let sequence = event.sequence
        if open.holds(sequence) { return true }
        for index in 0..<event.webhookCount {
            let matched = event.webhook(index)
            guard matched.takesDeliveries, let lane = lanes[matched.number] else { continue }
            if sequence >= lane.cursor { return true }
        }
        return false
    }

    /// Whether some lane may need events in a range: false is certain.
    package func mayNeed(_ sequences: Range<UInt64>) -> Bool {
        lanes.values.contains { lane in
            if lane.cursor < sequences.upperBound { return true }
            let first = lane.open.firstIndex(atOrAbove: sequences.lowerBound)
            return first < lane.open.count && lane.open[first] < sequences.upperBound
        }
    }
}

extension [UInt64] {
    /// The index of the first element that is not below a value, by bisection; the elements ascend.
    package func firstIndex(atOrAbove value: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    package func holds(_ value: UInt64) -> Bool {
        let index = firstIndex(atOrAbove: value)
        return index < count && self[index] == value
    }
}
