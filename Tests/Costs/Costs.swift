import Cryptography
import Glibc
import RelayCore

/// The parts of an event's way, each done so many times. Each returns a number that depends on all that was done, so
/// that nothing is left out by the compiler, and wrong work is seen.
enum Costs {
    /// A part's name, and the function that does it.
    static let all: [(name: String, run: @Sendable (Int) -> Int)] = [
        ("framing-and-decoding", framingAndDecoding),
        ("journal-encoding", journalEncoding),
        ("matching", matching),
        ("intake", { intake($0, withIDs: false) }),
        ("intake-with-ids", { intake($0, withIDs: true) }),
        ("replies", replies),
        ("scheduling", scheduling),
        ("signing", signing),
        ("answers", answers),
    ]

    /// Lines that come in one piece are split and validated.
    static func framingAndDecoding(_ count: Int) -> Int {
        let lines = (0..<64).map { Samples.line($0, tenant: "acme") }.joined()
        var scanner = EventScanner(catalogue: EventCatalogue())
        var done = 0
        eachLine(of: lines, count) {
            if case .success(let event) = scanner.scan($0) { done += event.data.count }
        }
        return done
    }

    static func journalEncoding(_ count: Int) -> Int {
        let data = Samples.data(0, beside: 48)
        let buffer = RecordBuffer(capacity: 1 << 20)
        var done = 0
        for sequence in 0..<count {
            if buffer.count > 1 << 19 { buffer.truncate(to: 0) }
            let before = buffer.count
            Samples.append(UInt64(sequence), data: data, to: buffer)
            done += buffer.count - before
        }
        return done
    }

    /// Each line is of another tenant than the one before, with ten webhooks each.
    static func matching(_ count: Int) -> Int {
        let tenants = (0..<100).map { "tenant_\($0)" }
        var webhooks: [Webhook] = []
        for tenant in tenants {
            for _ in 0..<10 { webhooks.append(Samples.webhook(WebhookNumber(webhooks.count + 1), tenant: tenant)) }
        }
        let table = RegistrationTable(catalogue: EventCatalogue(), webhooks: webhooks)
        var done = 0
        for number in 0..<count { done += table.match(tenant: tenants[number % 100], type: number % 6).count }
        return done
    }

    /// From a line to its record: scanned, matched with one webhook, appended.
    static func intake(_ count: Int, withIDs: Bool) -> Int {
        let table = RegistrationTable(catalogue: EventCatalogue(), webhooks: [Samples.webhook(1)])
        var intake = EventIntake(
            table: table, duplicates: DuplicateIndex(maxCount: 1_000_000), dedupeWindow: 86_400_000, nextSequence: 1,
            journal: Samples.journal)
        // Made beforehand, all of them: an id that comes again is another thing.
        let lines = (0..<(withIDs ? Samples.prepared : 64)).map {
            Samples.line($0, tenant: "acme", id: withIDs ? "n-\(1_000_000_000 + $0)" : nil)
        }.joined()
        let batch = RecordBuffer(capacity: 1 << 20)
        var done = 0
        func decide() {
            while let outcome = intake.decide(
                from: Samples.peer, grant: .everything, now: Samples.acceptedAt, into: batch, find: { _ in nil })
            {
                if case .accepted = outcome { done += 1 }
                if batch.count > 1 << 19 { batch.truncate(to: 0) }
            }
        }
        eachLine(of: lines, count) { if !intake.read($0, grant: .everything) { decide() } }
        decide()
        return done
    }

    static func replies(_ count: Int) -> Int {
        let event = Samples.event(1)
        var text: [UInt8] = []
        var done = 0
        for _ in 0..<count {
            if text.count > 1 << 15 { text.removeAll(keepingCapacity: true) }
            let before = text.count
            ReplyEncoder.appendAcceptance(of: event, isDuplicate: false, journal: Samples.journal, to: &text)
            done += text.count - before
        }
        return done
    }

    /// Accepted, begun, delivered and saved, 64 at a time, with one webhook.
    static func scheduling(_ count: Int) -> Int {
        let now = MonotonicTime(nanoseconds: 0)
        var scheduler = DeliveryScheduler(
            settings: DeliveryScheduler.Settings(
                maxInFlight: 4096, maxInFlightPerWebhook: 64, timeout: .seconds(15),
                retry: RetryPolicy(schedule: [.seconds(10)], maxAge: .seconds(3600))), seen: 0)
        scheduler.setLane(of: Samples.webhook(1), now: now, wall: Samples.acceptedAt)
        let delivered = AttemptOutcome(.delivered, status: 204, duration: .milliseconds(1))
        // Records are another part's business.
        let events = (1...Samples.prepared).map { Samples.event(UInt64($0)) }
        var done = 0
        for start in stride(from: 0, to: count, by: 64) {
            for event in events[start..<min(start + 64, count)] { scheduler.accepted(event, now: now) }
            while let attempt = scheduler.nextAttempt(now: now, wall: Samples.acceptedAt) {
                let decision = scheduler.finished(
                    attempt, acceptedAt: Samples.acceptedAt, delivered, now: now, wall: Samples.acceptedAt, random: 0)
                if decision == .settled(.delivered) { done += 1 }
            }
            _ = scheduler.takeProgress()
        }
        return done
    }

    /// Both signatures of a delivery.
    static func signing(_ count: Int) -> Int {
        guard let secret = WebhookSecret(Samples.secret) else { preconditionFailure("a secret that is none") }
        let keys = SigningKeys(secret)
        let event = Samples.event(1)
        let (id, seconds) = (Array(event.id(in: Samples.journal).utf8), Array("1777732330".utf8))
        var text: [UInt8] = []
        var done = 0
        for _ in 0..<count {
            text.removeAll(keepingCapacity: true)
            keys.appendBodySignature(of: event.body, to: &text)
            id.withUnsafeBytes { id in
                seconds.withUnsafeBytes {
                    keys.appendStandardSignature(id: id, timestamp: $0, body: event.body, to: &text)
                }
            }
            done += text.count
        }
        return done
    }

    /// Heads of answers like nginx's.
    static func answers(_ count: Int) -> Int {
        let answer = Array(
            ("HTTP/1.1 204 No Content\r\nServer: nginx/1.22.1\r\nDate: Sat, 02 May 2026 14:32:10 GMT\r\n"
                + "Connection: keep-alive\r\n\r\n").utf8)
        var done = 0
        for _ in 0..<count {
            answer.withUnsafeBytes { bytes in
                var parser = ResponseParser()
                var offset = 0
                steps: while true {
                    switch parser.next(bytes, &offset) {
                    case .head(let head): done += Int(head.status)
                    case .needsMore, .end, .failed: break steps
                    case .body: break
                    }
                }
            }
        }
        return done
    }

    /// Calls with the lines of a text, from its beginning again until there were so many.
    private static func eachLine(of text: String, _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var position = 0
            for _ in 0..<count {
                if position == bytes.count { position = 0 }
                guard let end = memchr(base + position, 0x0A, bytes.count - position) else { return }
                let length = UnsafeRawPointer(end) - (base + position)
                body(UnsafeRawBufferPointer(start: base + position, count: length))
                position += length + 1
            }
        }
    }
}
