import Testing

@testable import Relay

extension ConfigurationTests {
    /// The last value outside, the first and the last inside, the first outside; empty where there is none.
    @Test(
        "bounds",
        arguments: [
            ("ingest.max-line-bytes", "1023", "1024", "\"16MiB\"", "16777217"),
            ("ingest.max-connections", "0", "1", "65536", "65537"),
            ("ingest.dedupe-window", "\"99ms\"", "\"100ms\"", "\"90d\"", "\"7776000001ms\""),
            ("ingest.dedupe-max-ids", "0", "1", "1000000000", "1000000001"),
            ("journal.max-bytes", "1048575", "\"1MiB\"", "\"1048576GiB\"", "\"1048577GiB\""),
            ("journal.retention", "\"-1s\"", "\"0s\"", "\"3650d\"", "\"3651d\""),
            ("journal.webhook-backlog-max-bytes", "65535", "\"64KiB\"", "1125899906842624", "1125899906842625"),
            ("delivery.max-in-flight", "0", "1", "65536", "65537"),
            ("delivery.max-in-flight-per-webhook", "0", "1", "65536", "65537"),
            ("delivery.timeout", "\"99ms\"", "\"100ms\"", "\"10m\"", "\"600001ms\""),
            ("delivery.retry-schedule", "[\"0ms\"]", "[\"1ms\"]", "[\"30d\"]", "[\"31d\"]"),
            ("delivery.retry-schedule", "[\"\"]", "[]", list(64), list(65)),
            ("delivery.max-age", "\"99ms\"", "\"100ms\"", "\"365d\"", "\"366d\""),
            ("delivery.disable-after", "\"99ms\"", "\"100ms\"", "\"365d\"", "\"366d\""),
            ("delivery.drain-timeout", "\"\"", "\"0s\"", "\"10m\"", "\"11m\""),
            ("events.extra", "[\"a\"]", "[\"a.b\"]", name(128), name(129)),
        ])
    func bounds(key: String, below: String, first: String, last: String, above: String) {
        for (value, isGood) in [(below, false), (first, true), (last, true), (above, false)] {
            let isAccepted: Bool
            do {
                _ = try Configuration.parse("\(key) = \(value)", file: "f")
                isAccepted = true
            } catch {
                #expect(error.errors.map(\.key) == [key], "\(error)")
                isAccepted = false
            }
            #expect(isAccepted == isGood, "\(key) = \(value)")
        }
    }

    private static func list(_ count: Int) -> String {
        "[" + Array(repeating: "\"1s\"", count: count).joined(separator: ",") + "]"
    }

    private static func name(_ bytes: Int) -> String {
        "[\"a." + String(repeating: "b", count: bytes - 2) + "\"]"
    }

    @Test(
        "values that are refused",
        arguments: [
            "events.extra = [\"A.b\"]", "events.extra = [\"a..b\"]", "events.extra = [\".a\"]",
            "events.extra = [\"a.\"]",
            "events.extra = [\"a.é\"]", "events.extra = [\"a.*\"]", "events.extra = [\"webhook.x\"]",
            "events.extra = [\"delivery.x\"]", "events.extra = [\"a.b\", \"a.b\"]", "events.extra = [\"job.closed\"]",
            "signing.header = \"\"", "signing.header = \"a b\"", "signing.header = \"a:b\"", "signing.header = \"é\"",
            "signing.header = \"HOST\"", "signing.header = \"content-type\"", "signing.header = \"Transfer-Encoding\"",
            "api.listen = \"127.0.0.1\"", "api.listen = \"localhost:80\"", "api.listen = \"10.0.0.1:80\"",
            "api.listen = \"127.0.0.1:0\"", "api.listen = \"127.0.0.1:65536\"", "api.listen = \"::1:80\"",
            "api.listen = \"127.0.0.1:80/\"", "api.listen = \"127.0.0.1:80?a:80\"", "api.listen = \":80\"",
            "api.listen = \"[::]:80\"", "api.listen = \"[::ffff:10.0.0.1]:80\"",
            "egress.proxy = \"https://p.example:1\"", "egress.proxy = \"http://p.example\"",
            "egress.proxy = \"http://p.example:1/\"", "egress.proxy = \"http://u:p@p.example:1\"",
            "egress.proxy = \"http://p.example/:80\"", "egress.proxy = \"p.example:1\"",
            "egress.allow = [\"10.1.0.1/16\"]", "egress.allow = [\"localhost\"]",
            "egress.allow = [{ to = \"10.0.0.1\", tenants = [\"*\"] }]", "egress.ca-file = \"/a\\tb\"",
            "log.level = \"INFO\"", "producers = [1]", "producers = [{ user = \"\", tenants = [\"a\"] }]",
            "producers = [{ uid = 4294967295, tenants = [\"a\"] }]",
            "producers = [{ uid = 1, tenants = [\"a\"], events = [] }]",
            "producers = [{ uid = 1, tenants = [\"a\"], events = [\"*.created\"] }]",
            "producers = [{ uid = 1, tenants = [\"a\"], events = [\"webhook.*\"] }]",
        ])
    func refused(text: String) throws {
        let errors = try #require(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "f") }
        #expect(errors.errors.count == 1, "\(errors)")
        #expect(errors.errors.allSatisfy { $0.line == 1 && !$0.key.isEmpty }, "\(errors)")
    }

    @Test(
        "values that are accepted",
        arguments: [
            "api.listen = \"[::1]:8480\"", "api.listen = \"127.255.0.1:1\"", "api.listen = \"127.0.0.1:80\"",
            "egress.proxy = \"http://p.example:80\"", "egress.proxy = \"http://[::1]:3128\"",
            "signing.header = \"x_!#$%&'*+-.^`|~9\"", "events.extra = [\"webhooks.x\", \"1.2\", \"_._-\"]",
            "producers = [{ uid = 4294967294, tenants = [\"a\"] }]", "producers = []",
        ])
    func accepted(text: String) throws {
        _ = try Configuration.parse(text, file: "f")
    }
}
