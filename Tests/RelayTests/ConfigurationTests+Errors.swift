import Testing

@testable import Relay

extension ConfigurationTests {
    @Test(
        "one wrong thing: place, key and reason",
        arguments: [
            (
                "\n[delivery]\ntimeout = \"15 parsecs\"",
                "f:3: delivery.timeout: \"15 parsecs\" is no duration: write a number and ms, s, m, h or d"
            ),
            ("[delivery]\ntimeout = 15", "f:2: delivery.timeout: needs a duration such as \"15s\", not an integer"),
            ("[delivery]\ntimeuot = \"15s\"", "f:2: delivery.timeuot: unknown key; did you mean \"timeout\"?"),
            (
                "[delivery]\nmax_in_flight = 1",
                "f:2: delivery.max_in_flight: unknown key; did you mean \"max-in-flight\"?"
            ),
            ("[delivery]\nlisten = \"\"", "f:2: delivery.listen: unknown key; it belongs to [api]"),
            ("[delivery]\nzzz = 1", "f:2: delivery.zzz: unknown key"),
            ("[delivry]\ntimeout = \"1s\"", "f:1: delivry: unknown table; did you mean \"delivery\"?"),
            ("timeout = \"1s\"", "f:1: timeout: unknown key; did you mean \"timeout\" in [delivery]?"),
            ("delivery = 1", "f:1: delivery: needs a table [delivery], not an integer"),
            (
                "log = { level = \"loud\" }",
                "f:1: log.level: \"loud\" is unknown: write one of trace, debug, info, notice, warning, error, critical"
            ),
            ("[ingest]\nmax-connections = \"1\"", "f:2: ingest.max-connections: needs an integer, not a string"),
            (
                "[ingest]\nmax-connections = 1.0",
                "f:2: ingest.max-connections: needs an integer, not a floating-point number"
            ),
            (
                "[ingest]\nmax-line-bytes = true",
                "f:2: ingest.max-line-bytes: needs a size such as \"256KiB\", not a boolean"
            ),
            (
                "[ingest]\nmax-line-bytes = \"1KB\"",
                "f:2: ingest.max-line-bytes: \"1KB\" is no size: write a number of bytes, or a number and KiB, MiB or GiB"
            ),
            ("[egress]\nrequire-https = \"true\"", "f:2: egress.require-https: needs true or false, not a string"),
            ("[egress]\nallow = \"10.0.0.0/8\"", "f:2: egress.allow: needs an array, not a string"),
            (
                "[egress]\nallow = [1]",
                "f:2: egress.allow: needs entries that are strings or { to = \"…\", tenants = [\"…\"] }, not an integer"
            ),
            (
                "[egress]\nallow = [{ too = \"10.0.0.1\" }]",
                "f:2: egress.allow: an entry has the unknown key \"too\"; did you mean \"to\"?"
            ),
            (
                "[egress]\nallow = [{ tenants = [\"a\"] }]",
                "f:2: egress.allow: an entry that is a table needs to = \"ADDRESS\""
            ),
            (
                "[egress]\nallow = [{ to = \"10.0.0.1\", tenants = [] }]",
                "f:2: egress.allow: tenants of \"10.0.0.1\": names none"
            ),
            ("[egress]\nca-file = \"ca.pem\"", "f:2: egress.ca-file: \"ca.pem\" is no absolute path"),
            (
                "[signing]\nheader = \"Webhook-ID\"",
                "f:2: signing.header: \"Webhook-ID\" is a header that deliveries need for something else"
            ),
            (
                "[api]\nlisten = \"0.0.0.0:80\"",
                "f:2: api.listen: \"0.0.0.0:80\" is no loopback address: write 127.0.0.1:8480 or [::1]:8480"
            ),
            ("producers = 1", "f:1: producers: needs tables [[producers]], not an integer"),
            ("\n[producers]\nuser = \"a\"", "f:2: producers: needs tables [[producers]], not a table"),
            ("[[producers]]\ntenants = [\"a\"]", "f:1: producers[0]: needs exactly one of user, uid and group"),
            (
                "[[producers]]\nuid = 1\nuser = \"a\"\ntenants = [\"a\"]",
                "f:1: producers[0]: needs exactly one of user, uid and group"
            ),
            ("[[producers]]\nuid = 1", "f:1: producers[0]: needs tenants: a list of tenant ids, or [\"*\"] for all"),
            (
                "[[producers]]\nuid = 1\ntenants = [\"*\"]\n\n[[producers]]\nuid = -1\ntenants = [\"a\"]",
                "f:6: producers[1].uid: -1 is out of bounds: 0 to 4294967294"
            ),
            (
                "[[producers]]\nuid = 1\ntenants = []",
                "f:3: producers[0].tenants: names none; the rule would allow nothing"
            ),
            (
                "[[producers]]\nuid = 1\ntenant = [\"a\"]\ntenants = [\"a\"]",
                "f:3: producers[0].tenant: unknown key; did you mean \"tenants\"?"
            ),
            (
                "[[producers]]\nuid = 1\ntenants = [\"a b\"]",
                "f:3: producers[0].tenants: \"a b\" is neither a tenant id (1 to 64 letters, digits, - and _) nor \"*\""
            ),
            (
                "[[producers]]\nuid = 1\ntenants = [\"a\"]\nevents = [\"application.scord\"]",
                "f:4: producers[0].events: \"application.scord\" matches no event type that producers can send; "
                    + "did you mean \"application.scored\"?"
            ),
            ("a = 1\na = 2", "f:2: no TOML: Error while parsing key-value pair: cannot redefine existing integer 'a'"),
            ("[log]\nlevel = \"in\\u0000fo\"", "f:2: the file holds a null character"),
            ("[log]\n\0", "f:2: the file holds a null character"),
        ])
    func single(text: String, message: String) throws {
        let errors = try #require(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "f") }
        #expect(errors.description == message)
    }

    @Test("a syntax error has the parser's line and no key")
    func syntax() throws {
        let errors = try #require(throws: ConfigurationErrors.self) {
            try Configuration.parse("[log]\nlevel = \n", file: "f")
        }
        #expect(errors.errors.map(\.line) == [2])
        #expect(errors.errors.map(\.key) == [""])
    }

    @Test("all errors are found, in the file's order")
    func all() throws {
        let text = """
            [log]
            level = "loud"
            [nonsense]
            [ingest]
            max-connections = 0
            dedupe-max-ids = 0
            [delivery]
            retry-schedule = [
                "5s",
                "soon",   # ] not the end
                7,
            ]
            timeout = "1ms"
            """
        let errors = try #require(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "f") }
        #expect(
            errors.errors.map { "\($0.line ?? 0) \($0.key)" } == [
                "2 log.level", "3 nonsense", "5 ingest.max-connections", "6 ingest.dedupe-max-ids",
                "8 delivery.retry-schedule", "8 delivery.retry-schedule", "13 delivery.timeout",
            ])
    }

    @Test("a message is one line, whatever a value holds")
    func oneLine() throws {
        let text = "[delivery]\ntimeout = \"1\\n2\"\n\"a\\nb\" = 1"
        let errors = try #require(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "f") }
        #expect(errors.errors.count == 2)
        #expect(errors.errors.allSatisfy { !$0.description.contains("\n") })
    }
}
