import DequeModule

/// What a lane knows about the order of the deliveries that it has begun.
///
/// Deliveries of one value stand in a line: live ones as they were accepted, those that are made once more in a queue of
/// their own, as they were handed over. Of a line one attempt is under way at a time; the heads of its two queues take
/// turns, and whatever stands behind a head waits until the head is settled. A lane that is ordered as a whole has one
/// line, and one that is not ordered has none.
struct LaneOrder {
    /// Where a delivery stands.
    enum Place: Equatable {
        /// In no line.
        case free
        /// Behind the others with the same value.
        case line(UInt64)
        /// Nobody knows yet: the event is in the journal, and has to be looked at.
        case unknown
    }

    struct Line {
        var live = Deque<UInt64>()
        var repeats = Deque<UInt64>()
        var inFlight = 0
        var isRepeatsTurn = false

        var isEmpty: Bool { live.isEmpty && repeats.isEmpty && inFlight == 0 }

        func isHead(_ sequence: UInt64, isRepeat: Bool) -> Bool {
            (isRepeat ? repeats : live).first == sequence
        }

        mutating func add(_ sequence: UInt64, isRepeat: Bool) {
            guard !isRepeat else { return repeats.append(sequence) }
            // Nearly always the last one.
            var index = live.count
            while index > 0, live[index - 1] > sequence { index -= 1 }
            live.insert(sequence, at: index)
        }

        mutating func remove(_ sequence: UInt64, isRepeat: Bool) {
            if isHead(sequence, isRepeat: isRepeat) {
                if isRepeat { repeats.removeFirst() } else { live.removeFirst() }
            } else if isRepeat {
                repeats.removeAll { $0 == sequence }
            } else {
                live.removeAll { $0 == sequence }
            }
        }
    }

    var ordering = DeliveryOrdering.none
    var lines: [UInt64: Line] = [:]
    /// Deliveries whose place is unknown, in the order in which they are to be looked up.
    var unplaced = Deque<UInt64>()
    /// How many of those that are looked up first nothing may overtake: what was open at a restart or a change of the order.
    var held = 0
    var isLookingUp = false
    /// Counts the changes of the order: what was looked up for an earlier one says nothing.
    var generation = 0

    /// The only line of a lane that is ordered as a whole.
    static let whole: UInt64 = 0

    /// Where a delivery belongs whose event is at hand; nil: the event is gone, and its attempt will tell.
    func place(of event: EventRecord?) -> Place {
        switch ordering {
        case .none: .free
        case .webhook: .line(Self.whole)
        case .key(let pointer): event.flatMap { pointer.key(of: $0) }.map { .line($0) } ?? .free
        }
    }

    /// Where a delivery belongs whose event is in the journal.
    var placeUnseen: Place {
        switch ordering {
        case .none: .free
        case .webhook: .line(Self.whole)
        case .key: .unknown
        }
    }
}

extension Lane {
    /// Of the parked deliveries those that came by themselves: what is made once more has a bound of its own.
    @inline(__always) var parkedLive: Int { max(0, parked - openRepeats) }

    /// How many live deliveries may be parked before no new ones are begun.
    @inline(__always) func parkedMax(isCrowded: Bool) -> Int {
        switch order.ordering {
        case .webhook:
            // What waits behind a head that has failed waits in the journal.
            1
        case .key where isCrowded && isProven: Limits.laneBlockedBeyond
        case .none, .key:
            isCrowded ? Limits.laneRetriesBeyond : isProven ? 4 * Limits.laneRetries : Limits.laneRetries
        }
    }

    /// Whether its order lets it begin with the next fresh event.
    @inline(__always) var isFreshInOrder: Bool {
        guard order.ordering == .webhook, let line = order.lines[LaneOrder.whole] else { return true }
        guard line.live.isEmpty, line.inFlight == 0 else { return false }
        return !line.isRepeatsTurn || !Self.isReady(line.repeats.first, of: open)
    }

    /// Whether a delivery only waits for its turn.
    static func isReady(_ sequence: UInt64?, of open: [UInt64: Open]) -> Bool {
        switch sequence.flatMap({ open[$0]?.phase }) {
        case .due?, .blocked?: true
        case .inFlight?, .parked?, nil: false
        }
    }

    /// Whether a fresh event could be begun now.
    @inline(__always) mutating func hasFresh(isCrowded: Bool) -> Bool {
        !waiting.isEmpty && takesFresh(isCrowded: isCrowded) && isFreshInOrder
    }

    /// Takes the next delivery that is due from its queue; nil: it is a fresh event's turn. Live deliveries and those that
    /// are made once more take turns.
    mutating func popDue(isCrowded: Bool) -> UInt64? {
        let hasLive = !due.isEmpty || hasFresh(isCrowded: isCrowded)
        if isRepeatsTurn || !hasLive, let sequence = repeatsDue.popFirst() { return sequence }
        return due.popFirst()
    }

    /// Whether a delivery that is due may be begun: nobody of its line is under way or before it.
    func mayBegin(_ sequence: UInt64, _ delivery: Open) -> Bool {
        switch delivery.place {
        case .free: return true
        case .unknown: return false
        case .line(let key):
            guard let line = order.lines[key] else { return true }
            return line.inFlight == 0 && line.isHead(sequence, isRepeat: delivery.isRepeat)
        }
    }

    /// An attempt begins.
    mutating func enterFlight(_ delivery: Open) {
        isRepeatsTurn = !delivery.isRepeat
        guard case .line(let key) = delivery.place else { return }
        order.lines[key, default: LaneOrder.Line()].inFlight += 1
        order.lines[key]?.isRepeatsTurn = !delivery.isRepeat
    }

    /// Puts a delivery in its line.
    mutating func joinLine(_ sequence: UInt64, _ delivery: Open) {
        guard case .line(let key) = delivery.place else { return }
        order.lines[key, default: LaneOrder.Line()].add(sequence, isRepeat: delivery.isRepeat)
    }

    /// A delivery is ready: in the queue of those that are due, or waiting for its line.
    mutating func makeReady(_ sequence: UInt64) {
        guard let delivery = open[sequence] else { return }
        guard delivery.place == .free else {
            open[sequence]?.phase = .blocked
            if case .line(let key) = delivery.place { promote(key) }
            return
        }
        makeDue(sequence, isRepeat: delivery.isRepeat)
    }

    private mutating func makeDue(_ sequence: UInt64, isRepeat: Bool) {
        open[sequence]?.phase = .due
        if isRepeat { repeatsDue.append(sequence) } else { due.append(sequence) }
    }

    /// Lets the head of a line go on of which nothing is under way: where both are ready, the one whose turn it is.
    mutating func promote(_ key: UInt64) {
        guard let line = order.lines[key], line.inFlight == 0 else { return }
        guard !line.isEmpty else {
            order.lines[key] = nil
            return
        }
        let (live, again) = (line.live.first, line.repeats.first)
        let isRepeat =
            Self.isReady(again, of: open) && (line.isRepeatsTurn || !Self.isReady(live, of: open))
        guard let head = isRepeat ? again : live, open[head]?.phase == .blocked else { return }
        makeDue(head, isRepeat: isRepeat)
    }

    /// Puts all that is open in the order that is asked for from now on.
    mutating func reorder(_ ordering: DeliveryOrdering) {
        order = LaneOrder(ordering: ordering, generation: order.generation + 1)
        due.removeAll()
        repeatsDue.removeAll()
        var heldBack: [UInt64] = []
        var later: [UInt64] = []
        for sequence in open.keys.sorted() {
            open[sequence]?.place = order.placeUnseen
            guard let delivery = open[sequence] else { continue }
            let isUnderWay = delivery.phase == .inFlight
            switch delivery.place {
            case .free: break
            case .line(let key):
                joinLine(sequence, delivery)
                if isUnderWay { order.lines[key]?.inFlight += 1 }
            case .unknown:
                if delivery.isRepeat, !isUnderWay { later.append(sequence) } else { heldBack.append(sequence) }
            }
            if delivery.phase == .due || delivery.phase == .blocked { makeReady(sequence) }
        }
        order.unplaced = Deque(heldBack + later)
        order.held = heldBack.count
    }
}
