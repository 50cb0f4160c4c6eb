import RelayCore
import Testing

@testable import Relay

@Suite("Configuration")
struct ConfigurationTests {
    @Test("an empty file means the defaults")
    func empty() throws {
        #expect(try Configuration.parse("", file: "f") == Configuration())
        #expect(try Configuration.parse("# nothing\n\n[ingest]\n[log]\n", file: "f") == Configuration())
        #expect(try Configuration.load(text: nil, file: "f", environment: [:]) == Configuration())
        #expect(try Configuration.parse("\u{FEFF}[log]\r\nlevel = \"info\"\r\n", file: "f") == Configuration())
    }

    @Test("the documented defaults are the defaults")
    func defaults() throws {
        let text = """
            [ingest]
            max-line-bytes = "256KiB"
            max-connections = 1024
            dedupe-window = "24h"
            dedupe-max-ids = 20000000
            [events]
            extra = []
            [journal]
            max-bytes = "10GiB"
            retention = "7d"
            webhook-backlog-max-bytes = "2GiB"
            [delivery]
            max-in-flight = 4096
            max-in-flight-per-webhook = 64
            timeout = "15s"
            retry-schedule = ["5s","5m","30m","2h","5h","10h","14h","20h","24h"]
            max-age = "7d"
            disable-after = "5d"
            drain-timeout = "5s"
            [egress]
            allow = []
            require-https = true
            ca-file = ""
            proxy = ""
            [signing]
            header = "X-HiresScope-Signature"
            [api]
            listen = ""
            [log]
            level = "info"
            """
        #expect(try Configuration.parse(text, file: "f") == Configuration())
    }

    @Test("every key is read")
    func everyKey() throws {
        let read = try Configuration.parse(
            """
            events.extra = ["candidate.hired", "a-1.b_2.c"]
            [ingest]
            max-line-bytes = 4096
            max-connections = 1
            dedupe-window = "2s"
            dedupe-max-ids = 10
            [[producers]]
            user = "hiresscope"
            tenants = ["tenant_abc123", "b"]
            events = ["application.*", "candidate.hired"]
            [[producers]]
            uid = 0
            tenants = ["*"]
            [[producers]]
            group = "apps"
            tenants = ["c"]
            [journal]
            max-bytes = "16MiB"
            retention = "0s"
            webhook-backlog-max-bytes = "64KiB"
            [delivery]
            max-in-flight = 2
            max-in-flight-per-webhook = 1
            timeout = "500ms"
            retry-schedule = ["100ms", "1s"]
            max-age = "1m"
            disable-after = "1h"
            drain-timeout = "0s"
            [egress]
            allow = ["10.1.0.0/16", "[::1/128]:8080", { to = "127.0.0.1/32:8080", tenants = ["a", "b"] }]
            require-https = false
            ca-file = "/etc/ssl/ca.pem"
            proxy = "http://proxy.example:3128"
            [signing]
            header = "X-Signature"
            [api]
            listen = "127.0.0.1:8480"
            [log]
            level = "debug"
            """, file: "f")
        var expected = Configuration()
        expected.ingest = .init(maxLineBytes: 4096, maxConnections: 1, dedupeWindow: .seconds(2), dedupeMaxIDs: 10)
        expected.events.extra = ["candidate.hired", "a-1.b_2.c"]
        expected.producers = [
            .init(user: "hiresscope", tenants: ["tenant_abc123", "b"], events: ["application.*", "candidate.hired"]),
            .init(uid: 0, tenants: ["*"]), .init(group: "apps", tenants: ["c"]),
        ]
        expected.journal = .init(maxBytes: 16 << 20, retention: .zero, webhookBacklogMaxBytes: 64 << 10)
        expected.delivery = .init(
            maxInFlight: 2, maxInFlightPerWebhook: 1, timeout: .milliseconds(500),
            retrySchedule: [.milliseconds(100), .seconds(1)], maxAge: .seconds(60), disableAfter: .seconds(3600),
            drainTimeout: .zero)
        expected.egress.allow = [
            try EgressRule("10.1.0.0/16"), try EgressRule("[::1/128]:8080"),
            try EgressRule("127.0.0.1/32:8080", tenants: ["a", "b"]),
        ]
        expected.egress.requireHTTPS = false
        expected.egress.caFile = "/etc/ssl/ca.pem"
        expected.egress.proxy = "http://proxy.example:3128"
        expected.signing.header = "X-Signature"
        expected.api.listen = "127.0.0.1:8480"
        expected.log.level = "debug"
        #expect(read == expected)
    }

    @Test("the catalogue knows each table, and each variable's name once")
    func catalogue() {
        #expect(Set(Setting.all.map(\.table)).isSubset(of: Setting.tables))
        #expect(Set(Setting.all.map(\.environmentName)).count == Setting.all.count)
        #expect(Setting.all.contains { $0.environmentName == "HOOKLINE_DELIVERY_MAX_IN_FLIGHT_PER_WEBHOOK" })
    }

    @Test("changes that need a restart are named, others not")
    func restart() {
        var new = Configuration()
        #expect(new.changesNeedingRestart(from: Configuration()) == [])
        new.ingest.maxConnections = 2
        new.journal.maxBytes = 1 << 30
        new.delivery.timeout = .seconds(1)
        new.producers = [.init(uid: 1, tenants: ["*"])]
        #expect(new.changesNeedingRestart(from: Configuration()) == [])
        new.api.listen = "[::1]:1"
        new.ingest.dedupeWindow = .seconds(1)
        new.ingest.dedupeMaxIDs = 1
        new.egress.caFile = "/etc/ssl/ours.pem"
        #expect(
            new.changesNeedingRestart(from: Configuration())
                == ["ingest.dedupe-window", "ingest.dedupe-max-ids", "egress.ca-file", "api.listen"])
    }
}
