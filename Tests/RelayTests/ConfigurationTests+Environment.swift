import RelayCore
import Testing

@testable import Relay

extension ConfigurationTests {
    @Test("the environment comes before the file, the file before the default")
    func order() throws {
        let read = try Configuration.load(
            text: "[delivery]\ntimeout = \"1s\"\nmax-in-flight = 7\n", file: "f",
            environment: ["HOOKLINE_DELIVERY_TIMEOUT": "2s"])
        #expect(read.delivery.timeout == .seconds(2))
        #expect(read.delivery.maxInFlight == 7)
        #expect(read.delivery.maxInFlightPerWebhook == 64)
    }

    @Test("every type of value")
    func types() throws {
        let read = try Configuration.load(
            text: nil, file: "f",
            environment: [
                "HOOKLINE_INGEST_MAX_LINE_BYTES": "2KiB", "HOOKLINE_JOURNAL_MAX_BYTES": "2097152",
                "HOOKLINE_INGEST_MAX_CONNECTIONS": "9", "HOOKLINE_EGRESS_REQUIRE_HTTPS": "false",
                "HOOKLINE_DELIVERY_RETRY_SCHEDULE": "100ms, 1s ,2s", "HOOKLINE_EVENTS_EXTRA": "",
                "HOOKLINE_EGRESS_ALLOW": "127.0.0.1:80,[::1/128]:81", "HOOKLINE_API_LISTEN": "[::1]:1",
            ])
        #expect(read.ingest.maxLineBytes == 2048)
        #expect(read.journal.maxBytes == 2 << 20)
        #expect(read.ingest.maxConnections == 9)
        #expect(!read.egress.requireHTTPS)
        #expect(read.delivery.retrySchedule == [.milliseconds(100), .seconds(1), .seconds(2)])
        #expect(read.events.extra == [])
        #expect(try read.egress.allow == [EgressRule("127.0.0.1:80"), EgressRule("[::1/128]:81")])
        #expect(read.api.listen == "[::1]:1")
    }

    @Test("variables that name no key are ignored")
    func unknown() throws {
        let read = try Configuration.load(
            text: nil, file: "f",
            environment: ["HOOKLINE_STATE_DIR": "/x", "HOOKLINE_EVENTS_SOCKET": "/y", "HOOKLINE_NONSENSE": "1"])
        #expect(read == Configuration())
    }

    @Test("errors name the variable, and come after the file's")
    func errors() throws {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try Configuration.load(
                text: "[log]\nlevel = 1", file: "f",
                environment: [
                    "HOOKLINE_DELIVERY_TIMEOUT": "", "HOOKLINE_INGEST_MAX_CONNECTIONS": "many",
                    "HOOKLINE_EGRESS_REQUIRE_HTTPS": "yes", "HOOKLINE_DELIVERY_RETRY_SCHEDULE": "1s,,2s",
                ])
        }
        #expect(
            errors.errors.map(\.description) == [
                "f:2: log.level: needs a string, not an integer",
                "environment: HOOKLINE_INGEST_MAX_CONNECTIONS: \"many\" is no whole number",
                "environment: HOOKLINE_DELIVERY_TIMEOUT: \"\" is no duration: write a number and ms, s, m, h or d",
                "environment: HOOKLINE_DELIVERY_RETRY_SCHEDULE: \"\" is no duration: "
                    + "write a number and ms, s, m, h or d",
                "environment: HOOKLINE_EGRESS_REQUIRE_HTTPS: \"yes\" is neither true nor false",
            ])
    }

    @Test("an event type from the environment counts for the file's producer rules")
    func producers() throws {
        let text = "[[producers]]\nuid = 1\ntenants = [\"a\"]\nevents = [\"candidate.*\"]"
        #expect(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "f") }
        let read = try Configuration.load(
            text: text, file: "f", environment: ["HOOKLINE_EVENTS_EXTRA": "candidate.hired"])
        #expect(read.producers.count == 1)
    }
}
