import Hummingbird
import HummingbirdCore
import RelayCore

/// A request's query: only names that the call knows, each at most once, all errors at once.
struct Query {
    private var values: [String: String] = [:]
    private(set) var errors: [FieldError] = []
    /// Whether a tenant's key was used, and another tenant named.
    private var isForeign = false

    /// - Parameter names: the names that the call knows
    init(_ request: Request, names: Set<String>) {
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard names.contains(name) else {
                let known = names.isEmpty ? "none is" : names.sorted().joined(separator: ", ") + " are"
                errors.append(FieldError(name, "is no parameter of this call; \(known) possible"))
                continue
            }
            if values.updateValue(String(value), forKey: name) != nil {
                errors.append(FieldError(name, "is there twice"))
            }
        }
    }

    /// `tenantId`: the tenant that the call is narrowed to, nil for all; with a tenant's key always that tenant.
    mutating func tenant(_ context: APIContext) -> String? {
        let own = context.caller.tenant
        guard let text = values["tenantId"] else { return own }
        if !Identifier.isValid(text) { errors.append(FieldError("tenantId", WebhookFields.identifierRule)) }
        if let own, own != text { isForeign = true }
        return own ?? text
    }

    static let timeRule = "must be a date and time such as 2026-05-02T14:32:10Z (RFC 3339)"

    /// What is asked of a webhook's deliveries.
    mutating func deliveries() -> DeliveryQuery {
        var query = DeliveryQuery()
        query.since = time("since") ?? query.since
        query.until = time("until") ?? query.until
        if let text = values["status"] {
            query.status = DeliveryStatus(rawValue: text)
            if query.status == nil {
                let known = DeliveryStatus.allCases.map(\.rawValue).joined(separator: ", ")
                errors.append(FieldError("status", "must be one of \(known)"))
            }
        }
        query.limit = limit() ?? query.limit
        if let text = values["cursor"] {
            query.cursor = DeliveryCursor(text: text)
            if query.cursor == nil { errors.append(Self.wrongCursor) }
        }
        return query
    }

    /// Which events are followed.
    mutating func following(_ context: APIContext) -> FollowChoice {
        if values["follow"] != "true" {
            errors.append(
                FieldError("follow", "must be true: events can be followed here, and are found by their ids elsewhere"))
        }
        var choice = FollowChoice(tenant: tenant(context))
        if let text = values["event"] {
            choice.pattern = EventPattern(text)
            if choice.pattern == nil {
                errors.append(FieldError("event", "must be an event type, or a pattern such as application.* or *"))
            }
        }
        return choice
    }

    private mutating func time(_ name: String) -> Int64? {
        guard let text = values[name] else { return nil }
        let time = RFC3339.milliseconds(text)
        if time == nil { errors.append(FieldError(name, Self.timeRule)) }
        return time
    }

    private mutating func limit() -> Int? {
        guard let text = values["limit"] else { return nil }
        if let limit = Int(text), Page.limits.contains(limit) { return limit }
        let limits = Page.limits
        errors.append(FieldError("limit", "must be a number from \(limits.lowerBound) to \(limits.upperBound)"))
        return nil
    }

    private static let wrongCursor = FieldError("cursor", "is not one that a list's nextCursor has given")

    /// `limit` and `cursor`.
    mutating func page() -> Page {
        var page = Page()
        page.limit = limit() ?? page.limit
        if let text = values["cursor"] {
            if let after = Page.number(cursor: text) {
                page.after = after
            } else {
                errors.append(Self.wrongCursor)
            }
        }
        return page
    }

    /// `sort` and `offset`; nil: the list is in the order of creation, and pages by its cursor.
    mutating func ranking() -> (order: WebhookOrder, offset: Int)? {
        var offset = 0
        if let text = values["offset"] {
            offset = Int(text).flatMap { Page.offsets.contains($0) ? $0 : nil } ?? -1
            if offset < 0 {
                errors.append(FieldError("offset", "must be a number from 0 to \(Page.offsets.upperBound)"))
            }
        }
        guard let text = values["sort"] else { return values["offset"].map { _ in (.created, max(0, offset)) } }
        guard let order = WebhookOrder(rawValue: text) else {
            let known = WebhookOrder.allCases.map(\.rawValue).joined(separator: ", ")
            errors.append(FieldError("sort", "must be one of \(known)"))
            return nil
        }
        return (order, offset)
    }

    /// - Throws: ``Problem`` 422 if anything was wrong.
    func check() throws(Problem) {
        if !errors.isEmpty { throw Problem(errors) }
        if isForeign { throw Problem.noTenant }
    }
}

/// Which part of a list is asked for.
struct Page {
    static let limits = 1...200
    static let offsets = 0...1_000_000

    var limit = 50
    var after: WebhookNumber = 0

    /// The text that stands for the place after an entry: opaque to clients, and valid as long as its list.
    static func cursor(after number: WebhookNumber) -> String {
        "c" + String(number, radix: 36)
    }

    static func number(cursor: String) -> WebhookNumber? {
        guard cursor.first == "c", let number = WebhookNumber(cursor.dropFirst(), radix: 36) else { return nil }
        return Self.cursor(after: number) == cursor ? number : nil
    }
}
