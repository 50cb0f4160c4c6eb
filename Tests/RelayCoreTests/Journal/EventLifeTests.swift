import Testing

@testable import RelayCore

/// What records of progress say of one event.
@Suite("Life of an event")
struct EventLifeTests {
    private static func record(
        _ webhook: WebhookNumber = 1, _ fill: (inout LaneProgress) -> Void
    ) -> ProgressRecord {
        var progress = LaneProgress()
        fill(&progress)
        return ProgressRecord(lanes: [.init(webhook: webhook, cursor: 9, progress: progress)])
    }

    private static func retry(
        _ sequence: UInt64 = 7, at: Int64, attempts: UInt16, reason: String = "HTTP 503: busy"
    ) -> LaneProgress.Retry {
        LaneProgress.Retry(
            sequence: sequence, at: at, nextAt: at + 5000, status: 503, attempts: attempts, microseconds: 1500,
            bytes: 10, reason: reason)
    }

    private static func settlement(
        _ sequence: UInt64 = 7, at: Int64, _ result: SettlementResult, status: UInt16 = 0, attempts: UInt16,
        microseconds: UInt32 = 0
    ) -> LaneProgress.Settlement {
        LaneProgress.Settlement(
            sequence: sequence, at: at, result: result, status: status, attempts: attempts,
            microseconds: microseconds, bytes: 10)
    }

    private static func trace(_ sequence: UInt64 = 7, at: Int64, reason: String = "", offset: UInt16) -> AttemptTrace {
        var phases = AttemptPhases()
        phases.connect = .microseconds(250)
        phases.firstByte = .milliseconds(1)
        return AttemptTrace(
            sequence: sequence, at: at, kind: .status, phases: phases, reason: reason, answerOffset: offset)
    }

    @Test func deliveredAtTheThirdTry() throws {
        var life = EventLife(of: 7)
        life.apply(
            Self.record {
                $0.retried = [Self.retry(at: 100, attempts: 1), Self.retry(8, at: 100, attempts: 1)]
                $0.traces = [Self.trace(8, at: 100, offset: 0), Self.trace(at: 100, offset: 10)]
            })
        // As earlier versions wrote it.
        life.apply(Self.record { $0.retried = [Self.retry(at: 200, attempts: 2)] })
        life.apply(
            Self.record {
                $0.settled = [
                    Self.settlement(8, at: 300, .delivered, status: 200, attempts: 2),
                    Self.settlement(at: 300, .delivered, status: 204, attempts: 3, microseconds: 900),
                ]
            })
        let delivery = try #require(life.deliveries[1])
        #expect(life.deliveries.count == 1)
        #expect(delivery.ending == EventLife.Ending(result: .delivered, at: 300, attempts: 3))
        #expect(delivery.attempts.map(\.number) == [1, 2, 3])
        #expect(delivery.attempts.map(\.isDelivered) == [false, false, true])
        #expect(delivery.attempts.map(\.nextAt) == [5100, 5200, nil])
        #expect(delivery.attempts[0].reason == "HTTP 503")
        #expect(delivery.attempts[0].answer == "busy")
        #expect(delivery.attempts[0].phases.connect == .microseconds(250))
        #expect(delivery.attempts[0].phases.tls == nil)
        #expect(delivery.attempts[1].reason == "HTTP 503: busy")
        #expect(delivery.attempts[1].kind == nil)
        #expect(delivery.attempts[2].status == 204 && delivery.attempts[2].duration == .microseconds(900))
    }

    /// A last attempt says why; a delivery that a limit ended had none.
    @Test(arguments: [true, false])
    func givenUp(isAttempted: Bool) throws {
        var life = EventLife(of: 7)
        life.apply(
            Self.record {
                $0.settled = [
                    Self.settlement(
                        at: 300, isAttempted ? .triesUsedUp : .displaced, status: isAttempted ? 500 : 0, attempts: 2,
                        microseconds: isAttempted ? 1 : 0)
                ]
                if isAttempted { $0.traces = [Self.trace(at: 300, reason: "HTTP 500: é", offset: 10)] }
            })
        let delivery = try #require(life.deliveries[1])
        #expect(delivery.attempts.count == (isAttempted ? 1 : 0))
        #expect(delivery.attempts.first?.reason == (isAttempted ? "HTTP 500" : nil))
        #expect(delivery.attempts.first?.answer == (isAttempted ? "é" : nil))
    }

    @Test func aReplayBeginsAnew() throws {
        var life = EventLife(of: 7)
        life.apply(Self.record { $0.settled = [Self.settlement(at: 1, .tooOld, attempts: 4)] })
        life.apply(Self.record { $0.reopened = [.init(sequence: 7, bytes: 10)] })
        #expect(life.deliveries[1]?.ending == nil && life.deliveries[1]?.repeats == 1)
        life.apply(Self.record { $0.settled = [Self.settlement(at: 9, .delivered, status: 200, attempts: 1)] })
        #expect(life.deliveries[1]?.attempts.map(\.repeats) == [1])
        #expect(life.deliveries[1]?.ending?.result == .delivered)
    }

    @Test(arguments: [(2, 2, 0), (3, 3, 0), (4, 3, 1), (9, 3, 6)])
    func attemptsAreBounded(made: Int, kept: Int, omitted: Int) {
        var life = EventLife(of: 7, attemptsMax: 3)
        for number in 1...made {
            life.apply(Self.record { $0.retried = [Self.retry(at: Int64(number), attempts: UInt16(number))] })
        }
        #expect(life.deliveries[1]?.attempts.count == kept)
        #expect(life.omitted == omitted)
    }

    // MARK: Put together

    private static func view(
        _ matched: [MatchedWebhook], _ webhooks: [Webhook], _ life: EventLife = EventLife(of: 7),
        pending: [WebhookNumber: DeliveryScheduler.PendingDeliveries.Delivery] = [:], isPaused: Bool = false,
        isOperational: Bool = false
    ) throws -> EventView {
        let buffer = RecordBuffer()
        EventFixture.append(
            7, webhooks: matched, id: "order-7", data: "{\"a\":1,\"a\":2}", isOperational: isOperational, to: buffer)
        let event = try #require(EventRecord(buffer: buffer, offset: 0))
        let present = EventView.Present(
            webhooks: webhooks, pending: pending, isPaused: isPaused,
            clocks: (wall: 5_000, monotonic: MonotonicTime(nanoseconds: 1_000_000_000)))
        return EventView(event, life, present, journal: EventFixture.journal)
    }

    @Test func whoGotItAndWhyOthersDidNot() throws {
        let webhooks = [
            try EventFixture.webhook(1), try EventFixture.webhook(2, state: .disabled(reason: "410")),
            try EventFixture.webhook(3, patterns: [.type("job.created")]), try EventFixture.webhook(4),
            Webhook(
                number: 5, id: "wh_5", tenant: "t", url: try WebhookURL("https://hooks.example/5"), patterns: [.all],
                secret: "", createdAt: 1_777_732_330_001),
        ]
        var life = EventLife(of: 7)
        life.apply(Self.record { $0.settled = [Self.settlement(at: 9, .delivered, status: 200, attempts: 1)] })
        let view = try Self.view(
            [
                MatchedWebhook(number: 1, takesDeliveries: true), MatchedWebhook(number: 2, takesDeliveries: false),
                MatchedWebhook(number: 9, takesDeliveries: true),
            ], webhooks, life)
        #expect(view.id == "order-7" && view.tenant == "t" && view.type == "job.closed")
        #expect(String(decoding: view.data, as: UTF8.self) == "{\"a\":1,\"a\":2}")
        #expect(view.producer == EventFixture.peer)
        #expect(view.deliveries.map(\.webhookID) == [nil, "wh_1", "wh_2"])
        #expect(view.deliveries.map(\.status) == [.cancelled, .delivered, .skipped])
        #expect(view.unmatched.map(\.webhookID) == ["wh_3", "wh_4", "wh_5"])
        #expect(view.unmatched.map(\.reason) == [.pattern, .changedLater, .createdLater])
        #expect(try Self.view([], webhooks, isOperational: true).producer == nil)
    }

    @Test(arguments: [false, true])
    func whatIsPendingSaysWhatItWaitsFor(isPaused: Bool) throws {
        typealias Wait = DeliveryScheduler.PendingDeliveries.Wait
        let due = MonotonicTime(nanoseconds: 3_000_000_000)
        let cases: [(Wait, DeliveryView.Wait, Int64?)] = [
            (.outcome, .outcome, nil), (.retry(at: due), isPaused ? .resume : .retry, 7_000),
            (.turn, isPaused ? .resume : .turn, nil), (.predecessor, isPaused ? .resume : .order, nil),
        ]
        for (wait, shown, next) in cases {
            let view = try Self.view(
                [MatchedWebhook(number: 1, takesDeliveries: true)], [try EventFixture.webhook(1)],
                pending: [1: .init(sequence: 7, attempts: 2, wait: wait)], isPaused: isPaused)
            #expect(view.deliveries.map(\.status) == [.pending])
            #expect(view.deliveries.first?.waitsFor == shown && view.deliveries.first?.nextAttemptAt == next)
            #expect(view.deliveries.first?.attempts == 2)
        }
    }

    /// The journal is read after the scheduler was asked.
    @Test func anEndCountsMoreThanWhatWasPending() throws {
        var life = EventLife(of: 7)
        life.apply(Self.record { $0.settled = [Self.settlement(at: 9, .delivered, status: 200, attempts: 1)] })
        let view = try Self.view(
            [MatchedWebhook(number: 1, takesDeliveries: true)], [try EventFixture.webhook(1)], life,
            pending: [1: .init(sequence: 7, attempts: 0, wait: .outcome)])
        #expect(view.deliveries.map(\.status) == [.delivered])
        let lost = try Self.view([MatchedWebhook(number: 1, takesDeliveries: true)], [try EventFixture.webhook(1)])
        #expect(lost.deliveries.map(\.status) == [nil])
    }

    // MARK: On disk

    private static func payload(_ record: ProgressRecord) -> [UInt8] {
        let buffer = RecordBuffer()
        record.append(to: buffer, sequence: 1)
        return EventFixture.payload(buffer)
    }

    @Test(arguments: [false, true])
    func tracesComeOutAsTheyWentIn(hasHealth: Bool) {
        let record = Self.record {
            $0.retried = [Self.retry(at: 1, attempts: 1)]
            $0.traces = [Self.trace(at: 1, offset: 10), Self.trace(8, at: 2, reason: "why", offset: 0)]
            if hasHealth { $0.health = HealthRecord() }
        }
        let bytes = Self.payload(record)
        #expect(bytes.withUnsafeBytes { ProgressRecord($0) } == record)
        var without = record
        without.lanes[0].progress.traces = []
        let start = Self.payload(without).count + (hasHealth ? 0 : 8)
        // Cut at the section's beginning it is as without one, cut within it it is not whole.
        for cut in start..<bytes.count {
            let read = bytes[..<cut].withUnsafeBytes { ProgressRecord($0) }
            #expect(read == (cut == start ? without : nil))
        }
        var unknown = bytes
        unknown[start + 4 + 20] = 99
        let rest = unknown.withUnsafeBytes { ProgressRecord($0) }
        #expect(rest?.lanes.first?.progress.traces.map(\.sequence) == [8])
        #expect(record.filtered { $0 == 7 }.lanes.first?.progress.traces.map(\.sequence) == [7])
    }
}
