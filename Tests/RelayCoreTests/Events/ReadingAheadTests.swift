import RelayCore
import Testing

@Suite("Lines that are read ahead of the decision about them")
struct ReadingAheadTests {
    /// What became of a line, comparable.
    private enum Answer: Equatable {
        case blank
        case accepted(UInt64)
        case duplicate(of: UInt64)
        case refused(RefusalCode, String?)
    }

    private static let lines = [
        #"{"event":"job.created","tenantId":"acme","id":"a","data":{"n":1}}"#,
        #"{"event":"job.created","tenantId":"acme","id":"a","data":{"n":1}}"#,
        #"{"event":"job.created","tenantId":"acme","id":"a","data":{"n":2}}"#,
        #"{"event":"job.created","tenantId":"globex","id":"a","data":{"n":1}}"#,
        #"{"event":"job.created","tenantId":"acme","data":{}}"#,
        #"{"event":"job.created","tenantId":"acme","id":"\u0061","data":{"n":1}}"#,
        #"{"event":"job.created","tenantId":"\u0061cme","id":"b","data":{"n":1}}"#,
        #"{"event":"job.created","tenantId":"acme","id":"b","data":{"n":1}}"#,
        "", "  ", "{", #"{"event":"job.created","id":"a","data":{}}"#,
        #"{"event":"no.such","tenantId":"acme","id":"c","data":{}}"#,
        #"{"event":"job.closed","tenantId":"acme","id":"\u0063","data":{"text":"\n"}}"#,
        #"{"event":"job.closed","tenantId":"acme","id":"d","timestamp":"2026-01-01T00:00:00Z","data":{"text":"\n"}}"#,
        #"{"event":"job.closed","tenantId":"acme","id":"c","data":{"text":"\n"}}"#,
        #"{"event":"job.closed","tenantId":"acme","id":"d","data":{"text":"\n"}}"#,
    ]

    /// - Parameter ahead: how many lines are read before one is decided about, where the intake allows it.
    private func answers(_ lines: [String], ahead: Int) -> ([Answer], [UInt8]) {
        var intake = EventIntake(
            table: RegistrationTable(catalogue: EventCatalogue(extra: []), webhooks: []),
            duplicates: DuplicateIndex(maxCount: 1000), dedupeWindow: 1000, nextSequence: 1,
            journal: EventFixture.journal)
        let batch = RecordBuffer()
        func find(_ sequence: UInt64) -> EventRecord? {
            var offset = 0
            while offset < batch.count {
                let header = RecordFormat.Header(at: batch.bytes + offset)
                if header.sequence == sequence { return EventRecord(buffer: batch, offset: offset) }
                offset += header.totalBytes
            }
            return nil
        }
        var answers: [Answer] = []
        func decide() {
            while let outcome = intake.decide(
                from: EventFixture.peer, grant: .everything, now: 1_000_000, into: batch, find: find)
            {
                switch outcome {
                case .blank: answers.append(.blank)
                case .accepted(let offset):
                    answers.append(.accepted(RecordFormat.Header(at: batch.bytes + offset).sequence))
                case .duplicate(let original): answers.append(.duplicate(of: original.sequence))
                case .refused(let refusal): answers.append(.refused(refusal.code, refusal.id))
                }
            }
        }
        let whole = Array(lines.joined(separator: "\n").utf8)
        whole.withUnsafeBytes { whole in
            var count = 0
            for line in whole.split(separator: 0x0A, omittingEmptySubsequences: false) {
                count += 1
                if !intake.read(UnsafeRawBufferPointer(rebasing: line), grant: .everything) || count == ahead {
                    decide()
                    count = 0
                }
            }
            decide()
        }
        return (answers, Array(batch.contents))
    }

    @Test("decisions and records are the same as one line at a time", arguments: 2...9)
    func sameAsOneByOne(ahead: Int) {
        let (expected, records) = answers(Self.lines, ahead: 1)
        #expect(expected.count == Self.lines.count)
        #expect(expected[1] == .duplicate(of: 1) && expected[2] == .refused(.idConflict, "a"))
        #expect(expected[5] == .duplicate(of: 1) && expected[7] == .duplicate(of: 4))
        #expect(answers(Self.lines, ahead: ahead) == (expected, records))
    }

    @Test("so they are in any order", arguments: 1...40 as ClosedRange<UInt64>)
    func shuffled(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let lines = (0..<60).map { _ in Self.lines[random.below(Self.lines.count)] }
        let (expected, records) = answers(lines, ahead: 1)
        #expect(answers(lines, ahead: 9) == (expected, records))
    }

    @Test("no more lines are read ahead than the limit, and none past one with escapes")
    func limited() {
        var intake = EventIntake(
            table: RegistrationTable(catalogue: EventCatalogue(extra: []), webhooks: []),
            duplicates: DuplicateIndex(maxCount: 1000), dedupeWindow: 1000, nextSequence: 1,
            journal: EventFixture.journal)
        let plain = Array(Self.lines[0].utf8)
        let escaped = Array(Self.lines[5].utf8)
        let mayGoOn = (1...Limits.linesAhead).map { _ in plain.withUnsafeBytes { intake.read($0, grant: .everything) } }
        #expect(mayGoOn == Array(repeating: true, count: Limits.linesAhead - 1) + [false])
        var other = EventIntake(
            table: RegistrationTable(catalogue: EventCatalogue(extra: []), webhooks: []),
            duplicates: DuplicateIndex(maxCount: 1000), dedupeWindow: 1000, nextSequence: 1,
            journal: EventFixture.journal)
        #expect(!escaped.withUnsafeBytes { other.read($0, grant: .everything) })
    }
}
