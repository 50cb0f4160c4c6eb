/// What a delivery's body says about itself, as far as it can be read.
struct DeliverySummary: Equatable {
    /// The event's type; nil if the body is no event.
    let event: String?
    let tenant: String?

    init(body: [UInt8]) {
        let found = body.withUnsafeBytes { bytes -> (event: String, tenant: String)? in
            guard let object = ObjectScanner(bytes) else { return nil }
            return (object.text(of: "event"), object.text(of: "tenantId"))
        }
        event = found.flatMap { $0.event.isEmpty ? nil : $0.event }
        tenant = found.flatMap { $0.tenant.isEmpty ? nil : $0.tenant }
    }
}
