import RelayCore
import Testing

/// Who wants which event, while registrations change.
@Suite("Registration table")
struct RegistrationTableTests {
    private func numbers(_ table: RegistrationTable, _ type: String, tenant: String = "t") -> [WebhookNumber] {
        table.match(tenant: tenant, type: table.catalogue.index(of: type) ?? -1).map(\.number)
    }

    @Test("matches by pattern, within the tenant, oldest first")
    func match() throws {
        let table = RegistrationTable(
            catalogue: EventCatalogue(extra: ["webhook.x"]),
            webhooks: [
                try EventFixture.webhook(9), try EventFixture.webhook(2, patterns: [.type("job.closed")]),
                try EventFixture.webhook(3, patterns: [.prefix("job."), .all]),
                try EventFixture.webhook(4, tenant: "u"),
                try EventFixture.webhook(5, patterns: []),
                try EventFixture.webhook(6, patterns: [.prefix("application.")]),
            ])
        #expect(numbers(table, "job.closed") == [2, 3, 9])
        #expect(numbers(table, "application.created") == [3, 6, 9])
        #expect(numbers(table, "job.closed", tenant: "u") == [4])
        #expect(numbers(table, "job.closed", tenant: "nobody").isEmpty)
        #expect(table.nextNumber == 10)
        #expect(table.list(tenant: nil).map(\.number) == [2, 3, 4, 5, 6, 9])
        #expect(table.list(tenant: "u").map(\.number) == [4] && table.count(tenant: "t") == 5)
        #expect(table.webhook(id: "wh_4")?.number == 4 && table.webhook(id: "wh_7") == nil)
    }

    @Test("disabled ones are on record as skipped; paused ones take their deliveries")
    func states() throws {
        let table = RegistrationTable(
            catalogue: EventCatalogue(),
            webhooks: [
                try EventFixture.webhook(1, state: .paused),
                try EventFixture.webhook(2, state: .disabled(reason: "410")),
            ])
        #expect(table.match(tenant: "t", type: 0).map(\.takesDeliveries) == [true, false])
    }

    @Test("changes apply once, in the order of their revisions")
    func changes() throws {
        var table = RegistrationTable(catalogue: EventCatalogue(), revision: 4)
        var webhook = try EventFixture.webhook(7)
        let applied1 = table.apply(RegistrationChange(revision: 4, kind: .put(webhook)))
        #expect(!applied1)
        #expect(table.list(tenant: nil).isEmpty)
        let applied2 = table.apply(RegistrationChange(revision: 5, kind: .put(webhook)))
        #expect(applied2)
        #expect(table.nextNumber == 8 && numbers(table, "job.closed") == [7])
        webhook.patterns = [.type("job.created")]
        let applied3 = table.apply(RegistrationChange(revision: 6, kind: .put(webhook)))
        #expect(applied3)
        #expect(numbers(table, "job.closed").isEmpty && numbers(table, "job.created") == [7])
        #expect(table.count(tenant: "t") == 1)
        let applied4 = table.apply(RegistrationChange(revision: 6, kind: .remove(7)))
        #expect(!applied4)
        let applied5 = table.apply(RegistrationChange(revision: 7, kind: .remove(7)))
        #expect(applied5)
        let applied6 = table.apply(RegistrationChange(revision: 8, kind: .remove(7)))
        #expect(applied6)
        #expect(table.webhook(id: "wh_7") == nil && table.row(of: "t") == nil && table.revision == 8)
        // Numbers are never used again.
        #expect(table.nextNumber == 8)
    }

    @Test("another catalogue, other indices")
    func catalogue() throws {
        var table = RegistrationTable(
            catalogue: EventCatalogue(extra: ["a.b", "c.d"]),
            webhooks: [try EventFixture.webhook(1, patterns: [.type("c.d")])])
        #expect(table.match(tenant: "t", type: 7).map(\.number) == [1])
        table.replaceCatalogue(EventCatalogue(extra: ["c.d"]))
        #expect(table.match(tenant: "t", type: 6).map(\.number) == [1])
        #expect(table.row(of: "t")?.count == 7)
    }
}
