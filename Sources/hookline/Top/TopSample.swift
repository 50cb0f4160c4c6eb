import AdminAPI
import RelayCore

/// What one look at the daemon has brought.
struct TopSample: Equatable, Sendable {
    struct Problem: Equatable, Sendable {
        let message: String
        let command: String
    }

    /// Seconds since the command's start, on a clock that does not go back.
    var at = 0.0
    /// Unix milliseconds.
    var wall: Int64 = 0
    var version = ""
    var pid: Int64 = 0
    var startedAt: Int64 = 0
    var isReady = true
    var isPaused = false
    var problems: [Problem] = []
    var active: Int64 = 0
    var paused: Int64 = 0
    var disabled: Int64 = 0
    /// Since the daemon's start: events, deliveries, attempts.
    var accepted: Int64 = 0
    var delivered: Int64 = 0
    var failedAttempts: Int64 = 0
    var pending: Int64 = 0
    var inFlight: Int64 = 0
    var oldestAcceptedAt: Int64?
    var latency = LatencyBuckets()
    /// A part of the sorted list of all, from `offset` on.
    var webhooks: [TopWebhook] = []
    var offset = 0
    /// Webhooks that have failed, the youngest failure first.
    var failures: [TopWebhook] = []

    var webhookCount: Int { Int(clamping: active + paused + disabled) }

    init() {}

    /// - Parameters:
    ///   - status: of `GET /status`
    ///   - webhooks: of `GET /webhooks?sort=…&offset=`, from `offset` on
    ///   - failures: of `GET /webhooks?sort=lastFailure`
    ///   - metrics: of `GET /metrics`
    init(status: JSONValue, webhooks: JSONValue, offset: Int, failures: JSONValue, metrics: String) {
        func number(_ group: String, _ name: String) -> Int64 { status[group]?[name]?.integerValue ?? 0 }
        version = status["version"]?.stringValue ?? ""
        pid = status["pid"]?.integerValue ?? 0
        startedAt = Self.time(status["startedAt"]) ?? 0
        isReady = status["isReady"] == true
        isPaused = status["isPaused"] == true
        problems = (status["problems"]?.arrayValue ?? []).map {
            Problem(message: $0["message"]?.stringValue ?? "", command: $0["command"]?.stringValue ?? "")
        }
        (active, paused) = (number("webhooks", "active"), number("webhooks", "paused"))
        disabled = number("webhooks", "disabled")
        accepted = number("events", "accepted")
        delivered = number("deliveries", "delivered")
        failedAttempts = number("deliveries", "failedAttempts")
        (pending, inFlight) = (number("deliveries", "pending"), number("deliveries", "inFlight"))
        oldestAcceptedAt = Self.time(status["deliveries"]?["oldestAcceptedAt"])
        latency = LatencyBuckets(metrics) ?? LatencyBuckets()
        self.offset = offset
        self.webhooks = (webhooks["data"]?.arrayValue ?? []).map { TopWebhook($0) }
        self.failures = (failures["data"]?.arrayValue ?? []).map { TopWebhook($0) }
    }

    /// Unix milliseconds.
    static func time(_ value: JSONValue?) -> Int64? {
        value?.stringValue.flatMap { RFC3339.milliseconds($0) }
    }
}

/// A webhook and how it is doing.
struct TopWebhook: Equatable, Sendable {
    var id = ""
    var tenant = ""
    var url = ""
    var description: String?
    var state = "active"
    var breaker = "closed"
    var failures: Int64 = 0
    var pending: Int64 = 0
    var inFlight: Int64 = 0
    var delivered: Int64 = 0
    /// Unix milliseconds.
    var lastSuccessAt: Int64?
    var lastFailureAt: Int64?
    var nextAttemptAt: Int64?
    var lastFailure: String?
    var stateReason: String?

    init() {}

    init(_ json: JSONValue) {
        id = json["id"]?.stringValue ?? ""
        tenant = json["tenantId"]?.stringValue ?? ""
        url = json["url"]?.stringValue ?? ""
        description = json["description"]?.stringValue
        state = json["state"]?.stringValue ?? ""
        stateReason = json["stateReason"]?.stringValue
        let health = json["health"]
        breaker = health?["breaker"]?.stringValue ?? ""
        failures = health?["consecutiveFailures"]?.integerValue ?? 0
        delivered = health?["delivered"]?.integerValue ?? 0
        lastSuccessAt = TopSample.time(health?["lastSuccessAt"])
        lastFailureAt = TopSample.time(health?["lastFailureAt"])
        lastFailure = health?["lastFailure"]?.stringValue
        pending = json["backlog"]?["pending"]?.integerValue ?? 0
        inFlight = json["backlog"]?["inFlight"]?.integerValue ?? 0
        nextAttemptAt = TopSample.time(json["backlog"]?["nextAttemptAt"])
    }

    /// What people call it.
    var name: String {
        if let description, !description.isEmpty { return description }
        let scheme = ["https://", "http://"].first { url.hasPrefix($0) } ?? ""
        return String(url.dropFirst(scheme.count))
    }

    var hasURLAsName: Bool { description?.isEmpty ?? true }
}
