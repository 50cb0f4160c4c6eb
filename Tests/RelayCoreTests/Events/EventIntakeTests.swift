import RelayCore
import Testing

/// What becomes of a line: accepted, a duplicate, refused; and which sequences and ids that uses up.
@Suite("Event intake")
struct EventIntakeTests {
    enum Answer: Equatable, Sendable {
        case blank
        case accepted(UInt64)
        case duplicate(of: UInt64)
        case refused(RefusalCode)
    }

    /// An intake with a batch that never goes to a disk: earlier events are found in it.
    private struct Desk {
        var intake: EventIntake
        var now: Int64 = 1_777_732_330_000
        let batch = RecordBuffer()
        var last: EventIntake.Outcome = .blank

        init(webhooks: [Webhook] = [], window: Int64 = 1000, nextSequence: UInt64 = 1, extra: [String] = []) {
            intake = EventIntake(
                table: RegistrationTable(catalogue: EventCatalogue(extra: extra), webhooks: webhooks),
                duplicates: DuplicateIndex(maxCount: 1000), dedupeWindow: window, nextSequence: nextSequence,
                journal: EventFixture.journal)
        }

        func find(_ sequence: UInt64) -> EventRecord? {
            var offset = 0
            while offset < batch.count {
                let header = RecordFormat.Header(at: batch.bytes + offset)
                if header.sequence == sequence { return EventRecord(buffer: batch, offset: offset) }
                offset += header.totalBytes
            }
            return nil
        }

        mutating func take(_ line: String, isLast: Bool = false, grant: ProducerGrant = .everything) -> Answer {
            let desk = self
            let outcome = Array(line.utf8).withUnsafeBytes {
                _ = intake.read($0, isLast: isLast, grant: grant)
                return intake.decide(from: EventFixture.peer, grant: grant, now: now, into: batch, find: desk.find)
            }
            guard let outcome else { return .blank }
            last = outcome
            switch last {
            case .blank: return .blank
            case .accepted(let offset):
                return .accepted(RecordFormat.Header(at: batch.bytes + offset).sequence)
            case .duplicate(let event): return .duplicate(of: event.sequence)
            case .refused(let refusal): return .refused(refusal.code)
            }
        }

        var event: EventRecord? {
            if case .accepted(let offset) = last { EventRecord(buffer: batch, offset: offset) } else { nil }
        }

        var refusal: Refusal? {
            if case .refused(let refusal) = last { refusal } else { nil }
        }
    }

    private static func line(
        _ id: String? = nil, event: String = "job.closed", tenant: String? = "t", data: String = "{}",
        timestamp: String? = nil
    ) -> String {
        var fields = ["\"event\":\"\(event)\"", "\"data\":\(data)"]
        if let tenant { fields.append("\"tenantId\":\"\(tenant)\"") }
        if let id { fields.append("\"id\":\"\(id)\"") }
        if let timestamp { fields.append("\"timestamp\":\"\(timestamp)\"") }
        return "{" + fields.joined(separator: ",") + "}"
    }

    // MARK: Acceptance

    @Test("an accepted event is on record with everything that is known of it")
    func acceptance() throws {
        var desk = Desk(
            webhooks: [
                try EventFixture.webhook(1), try EventFixture.webhook(2, tenant: "other"),
                try EventFixture.webhook(3, patterns: [.prefix("application.")]),
                try EventFixture.webhook(4, patterns: [.type("job.closed")], state: .disabled(reason: "410")),
                try EventFixture.webhook(5, state: .paused),
            ])
        #expect(desk.take(Self.line("order-17", data: #"{"a" : [1]}"#)) == .accepted(1))
        let event = try #require(desk.event)
        #expect(
            EventFixture.text(event.body)
                == #"{"event":"job.closed","timestamp":"2026-05-02T14:32:10.000Z","tenantId":"t","data":{"a" : [1]}}"#)
        #expect(event.acceptedAt == desk.now && event.producer == EventFixture.peer)
        #expect(event.id(in: EventFixture.journal) == "order-17")
        #expect(!event.hasProducersTimestamp)
        #expect(
            (0..<event.webhookCount).map(event.webhook) == [
                MatchedWebhook(number: 1, takesDeliveries: true), MatchedWebhook(number: 4, takesDeliveries: false),
                MatchedWebhook(number: 5, takesDeliveries: true),
            ])
        #expect(event.takingWebhooks == 2)
        #expect(event.goes(to: 1) && !event.goes(to: 4) && event.goes(to: 5) && !event.goes(to: 3))
    }

    @Test("a producer's timestamp is passed on verbatim; without one each event has the time of its receipt")
    func timestamps() throws {
        var desk = Desk()
        _ = desk.take(Self.line(timestamp: "2020-01-01t00:00:00.1+01:00"))
        #expect(desk.event.map { EventFixture.text($0.timestamp) } == "2020-01-01t00:00:00.1+01:00")
        #expect(desk.event?.hasProducersTimestamp == true)
        for _ in 0..<3 {
            desk.now += 1
            _ = desk.take(Self.line())
            #expect(desk.event.map { EventFixture.text($0.timestamp) } == RFC3339.text(milliseconds: desk.now))
        }
    }

    @Test("only accepted lines use up sequences")
    func sequences() {
        var desk = Desk(nextSequence: 41)
        #expect(desk.take(Self.line("a")) == .accepted(41))
        #expect(desk.take("{") == .refused(.invalidJSON))
        #expect(desk.take(Self.line("a")) == .duplicate(of: 41))
        #expect(desk.take("") == .blank)
        #expect(desk.take(Self.line("a", event: "job.created")) == .refused(.idConflict))
        #expect(desk.take(Self.line("b")) == .accepted(42))
        #expect(desk.take(Self.line()) == .accepted(43))
        #expect(desk.intake.nextSequence == 44)
    }

    @Test("a refused line leaves nothing in the batch")
    func refusedLeavesNothing() {
        var desk = Desk()
        _ = desk.take(Self.line("a"))
        let count = desk.batch.count
        for line in ["{", "", Self.line("a"), Self.line("a", data: "[]"), Self.line(tenant: nil)] {
            _ = desk.take(line)
        }
        #expect(desk.batch.count == count)
    }

    // MARK: Registrations

    @Test("a new table counts from the next line on")
    func newTable() throws {
        var desk = Desk(extra: ["x.y"])
        #expect(desk.take(Self.line(event: "x.y")) == .accepted(1))
        #expect(desk.event?.webhookCount == 0)
        desk.intake.replaceTable(
            RegistrationTable(catalogue: EventCatalogue(), webhooks: [try EventFixture.webhook(7)]))
        #expect(desk.take(Self.line(event: "x.y")) == .refused(.unknownEvent))
        #expect(desk.take(Self.line()) == .accepted(2))
        #expect(desk.event?.webhookCount == 1)
    }

    @Test("tenants taking turns each get their own webhooks")
    func tenantTurns() throws {
        var desk = Desk(
            webhooks: [try EventFixture.webhook(1, tenant: "a"), try EventFixture.webhook(2, tenant: "ab")])
        for (tenant, webhook) in [("a", 1), ("ab", 2), ("a", 1), ("b", 0), ("ab", 2)] as [(String, WebhookNumber)] {
            _ = desk.take(Self.line(tenant: tenant))
            #expect(desk.event?.webhookCount == (webhook == 0 ? 0 : 1))
            if webhook != 0 { #expect(desk.event?.webhook(0).number == webhook) }
            #expect(desk.event.map { EventFixture.text($0.tenant) } == tenant)
        }
    }

    // MARK: Duplicates

    @Test(
        "the same id again",
        arguments: [
            // First, then again, and what the second is.
            (Self.line("a"), Self.line("a"), Answer.duplicate(of: 1)),
            (Self.line("a"), Self.line("a", data: "{ }"), .refused(.idConflict)),
            (Self.line("a"), Self.line("a", event: "job.created"), .refused(.idConflict)),
            (Self.line("a"), Self.line("a", tenant: "u"), .accepted(2)),
            (Self.line("a"), Self.line("A"), .accepted(2)),
            (Self.line("a"), Self.line("a", timestamp: "2026-05-02T14:32:10.000Z"), .refused(.idConflict)),
            (Self.line("a", timestamp: "2026-05-02T14:32:10Z"), Self.line("a"), .duplicate(of: 1)),
            (
                Self.line("a", timestamp: "2026-05-02T14:32:10Z"), Self.line("a", timestamp: "2026-05-02T14:32:10Z"),
                .duplicate(of: 1)
            ),
            (
                Self.line("a", timestamp: "2026-05-02T14:32:10Z"), Self.line("a", timestamp: "2026-05-02T14:32:11Z"),
                .refused(.idConflict)
            ),
            (Self.line("a"), #"{"data":{},"\u0069d":"\u0061","tenantId":"t","event":"job.closed"}"#, .duplicate(of: 1)),
            // The same bytes across the border of tenant and id are another id.
            (Self.line("bc", tenant: "a"), Self.line("c", tenant: "ab"), .accepted(2)),
        ])
    func sameID(first: String, second: String, answer: EventIntakeTests.Answer) {
        var desk = Desk()
        #expect(desk.take(first) == .accepted(1))
        #expect(desk.take(second) == answer)
        if case .refused = answer { #expect(desk.refusal?.id == "a") }
    }

    @Test(
        "the window counts from the first acceptance and ends before its last millisecond",
        arguments: [(0, true), (1, true), (999, true), (1000, false), (1001, false)] as [(Int64, Bool)])
    func window(after: Int64, isDuplicate: Bool) {
        for id in ["a", nil] {
            var desk = Desk(window: 1000)
            _ = desk.take(Self.line(id))
            let made = desk.event?.id(in: EventFixture.journal) ?? ""
            desk.now += after / 2
            #expect(desk.take(Self.line(made)) == .duplicate(of: 1))
            desk.now += after - after / 2
            #expect(desk.take(Self.line(made)) == (isDuplicate ? .duplicate(of: 1) : .accepted(2)))
        }
    }

    @Test("past the window the newest event has the id")
    func pastWindow() {
        var desk = Desk(window: 10)
        _ = desk.take(Self.line("a"))
        desk.now += 10
        #expect(desk.take(Self.line("a", data: #"{"n":2}"#)) == .accepted(2))
        #expect(desk.take(Self.line("a", data: #"{"n":2}"#)) == .duplicate(of: 2))
        #expect(desk.take(Self.line("a")) == .refused(.idConflict))
    }

    @Test("an id of the relay's own making, sent back, is known without having been remembered")
    func madeIDs() throws {
        var desk = Desk()
        _ = desk.take(Self.line(data: #"{"n":1}"#))
        let made = try #require(desk.event).id(in: EventFixture.journal)
        #expect(made.hasPrefix("evt_") && made.utf8.count == 30)
        #expect(desk.take(Self.line(made, data: #"{"n":1}"#)) == .duplicate(of: 1))
        #expect(desk.take(Self.line(made, data: #"{"n":2}"#)) == .refused(.idConflict))
        #expect(desk.take(Self.line(made, tenant: "u", data: #"{"n":1}"#)) == .accepted(2))
        // Another journal's, and one that stands for no event yet.
        var text: [UInt8] = []
        EventID.append(
            sequence: 1, acceptedAt: desk.now, journal: JournalID(high: 1, low: 1), to: &text)
        #expect(desk.take(Self.line(String(decoding: text, as: UTF8.self), data: #"{"n":1}"#)) == .accepted(3))
        text = []
        EventID.append(sequence: 99, acceptedAt: desk.now, journal: EventFixture.journal, to: &text)
        #expect(desk.take(Self.line(String(decoding: text, as: UTF8.self))) == .accepted(4))
        // Right sequence, but not the time at which that event was accepted.
        text = []
        EventID.append(sequence: 1, acceptedAt: desk.now + 1, journal: EventFixture.journal, to: &text)
        #expect(desk.take(Self.line(String(decoding: text, as: UTF8.self), data: #"{"n":1}"#)) == .accepted(5))
    }

    @Test("an event whose record is gone is no duplicate")
    func goneRecords() {
        var desk = Desk()
        _ = desk.take(Self.line("a"))
        desk.batch.truncate(to: 0)
        #expect(desk.take(Self.line("a")) == .accepted(2))
    }

    @Test("forgetting a batch that failed frees its ids, and only those")
    func forget() throws {
        var desk = Desk()
        _ = desk.take(Self.line("kept"))
        _ = desk.take(Self.line("lost"))
        let lost = try #require(desk.event)
        desk.intake.forget(lost)
        _ = desk.take(Self.line())
        desk.intake.forget(try #require(desk.event))
        #expect(desk.take(Self.line("lost", data: #"{"n":2}"#)) == .accepted(4))
        #expect(desk.take(Self.line("kept")) == .duplicate(of: 1))
        #expect(desk.take(Self.line("lost", data: #"{"n":2}"#)) == .duplicate(of: 4))
        // A second time changes nothing: the id is another event's now.
        desk.intake.forget(lost)
        #expect(desk.take(Self.line("lost", data: #"{"n":2}"#)) == .duplicate(of: 4))
    }

    @Test("ids of events before a sequence are forgotten")
    func forgetBefore() {
        var desk = Desk()
        _ = desk.take(Self.line("a"))
        _ = desk.take(Self.line("b"))
        desk.intake.forgetDuplicates(before: 2)
        #expect(desk.take(Self.line("a")) == .accepted(3))
        #expect(desk.take(Self.line("b")) == .duplicate(of: 2))
    }

    // MARK: Grants

    @Test("a missing tenant is filled in only where the rules name exactly one")
    func onlyTenant() throws {
        let catalogue = EventCatalogue()
        func rule(_ tenants: Set<String>?) -> ProducerRules.Rule {
            ProducerRules.Rule(subject: .uid(1001), tenants: tenants, patterns: [.all])
        }
        let cases: [([ProducerRules.Rule]?, Answer)] = [
            (nil, .refused(.missingField)), ([], .refused(.missingField)), ([rule(["a"])], .accepted(1)),
            ([rule(["a"]), rule(["a"])], .accepted(1)), ([rule(["a"]), rule(["b"])], .refused(.missingField)),
            ([rule(["a", "b"])], .refused(.missingField)), ([rule(nil)], .refused(.missingField)),
            ([rule(["a"]), rule(nil)], .refused(.missingField)),
        ]
        for (rules, answer) in cases {
            let grant = ProducerRules(rules: rules).grant(to: EventFixture.peer, groups: [], catalogue: catalogue)
            var desk = Desk(webhooks: [try EventFixture.webhook(1, tenant: "a")])
            #expect(desk.take(Self.line(tenant: nil), grant: grant) == answer)
            if answer == .accepted(1) {
                #expect(desk.event.map { EventFixture.text($0.tenant) } == "a")
                #expect(desk.event?.webhookCount == 1)
            }
        }
    }

    @Test("rules that match a peer add up, each with its own tenants and types")
    func rulesAddUp() {
        let rules = ProducerRules(rules: [
            .init(subject: .uid(1001), tenants: ["a"], patterns: [.prefix("application.")]),
            .init(subject: .gid(1002), tenants: ["b"], patterns: [.type("job.closed")]),
            .init(subject: .gid(7), tenants: nil, patterns: [.type("job.created")]),
            .init(subject: .uid(9), tenants: nil, patterns: [.all]),
        ])
        let table: [(groups: [UInt32], tenant: String, event: String, isAllowed: Bool)] = [
            ([], "a", "application.scored", true), ([], "a", "job.closed", false), ([], "b", "job.closed", true),
            ([], "b", "application.scored", false), ([], "c", "job.created", false),
            ([6, 7], "c", "job.created", true),
            ([7], "a", "job.created", true), ([7], "c", "job.closed", false), ([6, 8], "c", "job.created", false),
        ]
        for row in table {
            let grant = rules.grant(to: EventFixture.peer, groups: row.groups, catalogue: EventCatalogue())
            var desk = Desk()
            let answer = desk.take(Self.line("i", event: row.event, tenant: row.tenant), grant: grant)
            #expect(answer == (row.isAllowed ? .accepted(1) : .refused(.forbidden)), "\(row)")
            if !row.isAllowed {
                #expect(desk.refusal?.id == "i")
                #expect(desk.refusal?.message == "uid 1001 may not send \(row.event) for tenant \(row.tenant)")
            }
        }
        let stranger = rules.grant(
            to: PeerIdentity(uid: 1, gid: 1, pid: 1), groups: [], catalogue: EventCatalogue())
        var desk = Desk()
        #expect(desk.take(Self.line(), grant: stranger) == .refused(.forbidden))
        #expect(
            ProducerRules(rules: nil).grant(to: EventFixture.peer, groups: [], catalogue: EventCatalogue()).isEverything
        )
    }

    // MARK: Obstacles and odd lines

    @Test("an obstacle refuses with a time to come back, and uses nothing up")
    func obstacles() {
        for (obstacle, code) in [
            (EventIntake.Obstacle.backlogFull, RefusalCode.backlogFull), (.shuttingDown, .shuttingDown),
        ] {
            var desk = Desk()
            desk.intake.obstacle = obstacle
            #expect(desk.take(Self.line("a")) == .refused(code))
            #expect((desk.refusal?.retryAfterMilliseconds ?? 0) > 0 && desk.refusal?.id == "a")
            // A line that is wrong anyway is told so.
            #expect(desk.take("{") == .refused(.invalidJSON))
            desk.intake.obstacle = nil
            #expect(desk.take(Self.line("a")) == .accepted(1))
        }
    }

    @Test("blank lines", arguments: ["", " ", "\t", "\r", " \t\r\n "])
    func blank(line: String) {
        var desk = Desk()
        #expect(desk.take(line) == .blank)
        #expect(desk.take(line, isLast: true) == .blank)
    }

    @Test("lines that are not blank", arguments: ["\u{B}", "\u{C}", "\u{0}", "\u{A0}", "\u{FEFF}"])
    func notBlank(line: String) {
        var desk = Desk()
        #expect(desk.take(line) == .refused(.invalidJSON))
    }

    @Test("an unterminated last line counts if it is whole, and is truncated if not")
    func lastLine() {
        let whole = Self.line("a")
        for length in 1..<whole.utf8.count {
            var desk = Desk()
            #expect(desk.take(String(whole.prefix(length)), isLast: true) == .refused(.truncated))
        }
        var desk = Desk()
        #expect(desk.take(whole, isLast: true) == .accepted(1))
        #expect(desk.take(Self.line("a", event: "x"), isLast: true) == .refused(.unknownEvent))
        // Cut inside of a character.
        let cut = [UInt8](#"{"event":"é"#.utf8.dropLast())
        let outcome = cut.withUnsafeBytes {
            _ = desk.intake.read($0, isLast: true, grant: .everything)
            return desk.intake.decide(
                from: EventFixture.peer, grant: .everything, now: 0, into: desk.batch, find: { _ in nil })
        }
        if case .refused(let refusal) = outcome { #expect(refusal.code == .truncated) } else { Issue.record("taken") }
    }
}
