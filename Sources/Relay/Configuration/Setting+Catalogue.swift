extension Setting {
    /// Every key in a table, with its bounds, in the order of the documentation. `[[producers]]` is read apart.
    static let all: [Setting] = [
        Setting("ingest", "max-line-bytes", \.ingest.maxLineBytes, .smallSize(kibibyte...16 * mebibyte)),
        Setting("ingest", "max-connections", \.ingest.maxConnections, .integer(1...65_536)),
        Setting(
            "ingest", "dedupe-window", \.ingest.dedupeWindow, .duration(.milliseconds(100)...days(90)),
            needsRestart: true),
        Setting(
            "ingest", "dedupe-max-ids", \.ingest.dedupeMaxIDs, .integer(1...1_000_000_000), needsRestart: true),
        Setting(
            "events", "extra", \.events.extra, ValueKind.extraEventType.list(countMax: 1024).withoutRepetitions),
        Setting("journal", "max-bytes", \.journal.maxBytes, .size(mebibyte...pebibyte)),
        Setting("journal", "retention", \.journal.retention, .duration(.zero...days(3650))),
        Setting(
            "journal", "webhook-backlog-max-bytes", \.journal.webhookBacklogMaxBytes,
            .size(64 * kibibyte...pebibyte)),
        Setting("delivery", "max-in-flight", \.delivery.maxInFlight, .integer(1...65_536)),
        Setting("delivery", "max-in-flight-per-webhook", \.delivery.maxInFlightPerWebhook, .integer(1...65_536)),
        Setting("delivery", "timeout", \.delivery.timeout, .duration(.milliseconds(100)...minutes(10))),
        Setting(
            "delivery", "retry-schedule", \.delivery.retrySchedule,
            ValueKind.duration(.milliseconds(1)...days(30)).list(countMax: 64)),
        Setting("delivery", "max-age", \.delivery.maxAge, .duration(.milliseconds(100)...days(365))),
        Setting("delivery", "disable-after", \.delivery.disableAfter, .duration(.milliseconds(100)...days(365))),
        Setting("delivery", "drain-timeout", \.delivery.drainTimeout, .duration(.zero...minutes(10))),
        Setting("egress", "allow", \.egress.allow, ValueKind.egressRule.list(countMax: 1024)),
        Setting("egress", "require-https", \.egress.requireHTTPS, .boolean),
        Setting("egress", "ca-file", \.egress.caFile, .optionalPath, needsRestart: true),
        Setting("egress", "proxy", \.egress.proxy, .optionalProxy),
        Setting("signing", "header", \.signing.header, .signatureHeader),
        Setting("api", "listen", \.api.listen, .optionalLoopback, needsRestart: true),
        Setting("log", "level", \.log.level, .word(logLevels)),
    ]

    /// The tables that hold settings, and `producers`.
    static let tables = ["ingest", "events", "producers", "journal", "delivery", "egress", "signing", "api", "log"]

    private static let logLevels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
    private static let kibibyte: Int64 = 1 << 10
    private static let mebibyte: Int64 = 1 << 20
    private static let pebibyte: Int64 = 1 << 50

    private static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    private static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}
