import RelayCore

/// Tests of webhooks.
extension RelayAdministration {
    func test(
        webhook id: String, tenant: String?, _ delivery: TestDelivery
    ) async throws(AdministrationError) -> TestDelivery.Report {
        let webhook = try find(id, tenant)
        let eventID = RandomID.make(prefix: "test_")
        let now = Clock.wall()
        let record = Self.record(delivery, of: webhook.tenant, id: eventID, at: now)
        let outcome: AttemptOutcome = await withCheckedContinuation { continuation in
            pump.tell { pump in
                pump.test(webhook.number, record, timeout: webhook.settings.timeout) {
                    continuation.resume(returning: $0)
                }
            }
        }
        if outcome.result == .abandoned {
            throw registrar.current.webhook(id: id) == nil ? .notFound : .shuttingDown
        }
        return TestDelivery.Report(eventID: eventID, at: now, outcome: outcome)
    }

    /// A record that never goes to the journal.
    private static func record(
        _ delivery: TestDelivery, of tenant: String, id: String, at now: Int64
    ) -> RecordBuffer {
        let buffer = RecordBuffer()
        var time: [UInt8] = []
        RFC3339.append(milliseconds: now, to: &time)
        Array(delivery.type.utf8).withUnsafeBytes { type in
            time.withUnsafeBytes { time in
                Array(tenant.utf8).withUnsafeBytes { tenant in
                    Array(id.utf8).withUnsafeBytes { id in
                        delivery.data.withUnsafeBytes { data in
                            EventRecord.append(
                                EventRecord.Parts(
                                    sequence: 0, acceptedAt: now, producer: PeerIdentity(uid: 0, gid: 0, pid: 0),
                                    type: type, timestamp: time, isProducersTimestamp: false, tenant: tenant, id: id,
                                    data: data, webhooks: []), to: buffer)
                        }
                    }
                }
            }
        }
        return buffer
    }
}
