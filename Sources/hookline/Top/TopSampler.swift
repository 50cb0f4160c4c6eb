import AdminAPI

/// Looks at the daemon over its API: four calls a look, the size of which does not grow with the number of webhooks.
struct TopSampler: Sendable {
    /// Webhooks that have failed last that a look asks for.
    static let failures = 20

    let client: APIClient
    private let start = ContinuousClock.now

    init(client: APIClient) {
        self.client = client
    }

    /// Seconds since the command's start.
    var now: Double { Double((ContinuousClock.now - start).microseconds) / 1e6 }

    func look(_ wish: (order: TopModel.Order, offset: Int, limit: Int)) async throws(APIFailure) -> TopSample {
        let status = try await client.call(.get, "/api/v1/status")
        let page = "sort=\(wish.order.rawValue)&offset=\(wish.offset)&limit=\(wish.limit)"
        let webhooks = try await client.call(.get, "\(WebhooksCommand.path)?\(page)")
        let failures = try await client.call(
            .get, "\(WebhooksCommand.path)?sort=lastFailure&limit=\(Self.failures)")
        let metrics = String(decoding: try await client.bytes("/metrics"), as: UTF8.self)
        var sample = TopSample(
            status: status, webhooks: webhooks, offset: wish.offset, failures: failures, metrics: metrics)
        (sample.at, sample.wall) = (now, WallClock.milliseconds())
        return sample
    }

    /// Does what a key asks for.
    ///
    /// - Returns: what came of it, for people.
    func perform(_ action: TopModel.Action) async throws(APIFailure) -> String {
        switch action {
        case .setActive(let webhook, let isActive):
            _ = try await client.call(.patch, WebhooksCommand.path(of: webhook.id), body: ["isActive": .bool(isActive)])
            return "\(webhook.name) is \(isActive ? "active" : "paused: its events wait")."
        case .test(let webhook):
            let answer = try await client.call(.post, WebhooksCommand.path(of: webhook.id) + "/test")
            let time = "\(answer["durationMs"]?.integerValue ?? 0) ms"
            guard answer["outcome"] != "delivered" else {
                return "\(webhook.name) took the test: \(WebhookText.text(answer["status"])) after \(time)."
            }
            return "\(webhook.name) failed the test after \(time): \(WebhookText.text(answer["error"]))"
        case .replay(let webhook):
            let answer = try await client.call(.post, WebhooksCommand.path(of: webhook.id) + "/replay", body: [:])
            let count = answer["count"]?.integerValue ?? 0
            return "\(TopModel.grouped(count)) of \(webhook.name) \(count == 1 ? "is" : "are") delivered once more."
        case .pauseAll(let isPaused):
            _ = try await client.call(.post, isPaused ? "/api/v1/pause" : "/api/v1/resume")
            return isPaused ? "All deliveries are paused: events wait." : "Deliveries go on."
        case .look, .quit, .suspend, .redraw, .countReplay: return ""
        }
    }

    /// How many deliveries a replay of a webhook would make.
    func countReplay(_ webhook: TopWebhook) async throws(APIFailure) -> (count: Int64, isExact: Bool) {
        let answer = try await client.call(
            .post, WebhooksCommand.path(of: webhook.id) + "/replay", body: ["dryRun": true])
        return (answer["count"]?.integerValue ?? 0, answer["isExact"] != false)
    }
}
