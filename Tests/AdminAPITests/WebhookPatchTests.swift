import RelayCore
import Testing

@testable import AdminAPI

@Suite struct WebhookPatchTests {
    func patch(_ members: (String, JSONValue)...) throws(InvalidFields) -> WebhookPatch {
        try WebhookFields.patch(JSONObject(members), tenant: "acme", by: .administrator, rules: .forTests())
    }

    @Test func emptyPatch() throws {
        #expect(try patch() == WebhookPatch())
    }

    @Test func nullTakesAway() throws {
        let patch = try patch(
            ("description", nil), ("headers", nil), ("maxInFlight", nil), ("timeoutMs", nil), ("maxAgeSeconds", nil),
            ("retrySchedule", nil), ("rateLimit", nil), ("ordering", nil))
        #expect(patch.rateLimit == .some(nil))
        #expect(patch.ordering == DeliveryOrdering.none)
        #expect(patch.summary == .some(nil))
        #expect(patch.headers == [])
        #expect(patch.maxInFlight == .some(nil))
        #expect(patch.timeout == .some(nil))
        #expect(patch.maxAge == .some(nil))
        #expect(patch.retrySchedule == .some(nil))
        #expect(patch.url == nil && patch.patterns == nil && patch.isActive == nil)
    }

    @Test func newValues() throws {
        let patch = try patch(
            ("url", "https://new.example/"), ("events", ["*"]), ("isActive", true), ("description", "d"),
            ("maxInFlight", 4096))
        #expect(try patch.url == WebhookURL("https://new.example/"))
        #expect(patch.patterns == [.all])
        #expect(patch.isActive == true)
        #expect(patch.summary == .some("d"))
        #expect(patch.maxInFlight == .some(4096))
        #expect(patch.headers == nil)
    }

    @Test func whatNoPatchCanChange() {
        #expect {
            try patch(("url", nil), ("events", nil), ("isActive", nil), ("tenantId", "x"), ("secret", "x"), ("id", "x"))
        } throws: {
            ($0 as? InvalidFields)?.errors.map(\.field) == ["url", "events", "isActive", "tenantId", "secret", "id"]
        }
    }
}
