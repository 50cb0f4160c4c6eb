import RelayCore
import Testing

@Suite("Egress rules")
struct EgressRuleTests {
    @Test(
        "every form",
        arguments: [
            ("10.1.0.0/16", "10.1.0.0/16", nil), ("10.1.2.3", "10.1.2.3/32", nil),
            ("127.0.0.1/32:8080", "127.0.0.1/32", 8080), ("127.0.0.1:1", "127.0.0.1/32", 1),
            ("[::1/128]:8080", "::1/128", 8080), ("[::1]:65535", "::1/128", 65535), ("[fd00::/8]", "fd00::/8", nil),
            ("::1/128", "::1/128", nil), ("::1", "::1/128", nil), ("0.0.0.0/0", "0.0.0.0/0", nil),
            ("::/0", "::/0", nil), ("::1:8080", "::1:8080/128", nil),
        ] as [(String, String, UInt16?)])
    func forms(text: String, range: String, port: UInt16?) throws {
        let rule = try EgressRule(text)
        #expect(rule.range == (try AddressRange(range)))
        #expect(rule.port == port)
        #expect(rule.tenants == nil)
        #expect(try EgressRule(rule.description) == rule)
    }

    @Test(
        "refusals",
        arguments: [
            ("", EgressRuleError.empty), ("localhost", .noAddress("localhost")),
            ("localhost:80", .noAddress("localhost")), ("10.0.0", .noAddress("10.0.0")),
            ("127.0.0.1:", .badPort("")), ("127.0.0.1:0", .badPort("0")), ("127.0.0.1:65536", .badPort("65536")),
            ("127.0.0.1:+80", .badPort("+80")), ("127.0.0.1:080", .badPort("080")), ("[::1]:", .badPort("")),
            ("[::1", .brackets("[::1")), ("[::1]8080", .brackets("[::1]8080")),
            ("[127.0.0.1]:80", .brackets("[127.0.0.1]:80")), ("::1/128:8080", .unbracketedPort("::1/128:8080")),
            (
                "10.1.0.1/16",
                .badRange(.hostBitsSet(.v4(0x0A01_0001), .init(around: .v4(0x0A01_0000), prefixLength: 16)))
            ),
            ("10.0.0.0/33:80", .badRange(.badLength("33", bitWidth: 32))),
            ("::ffff:10.0.0.0/104", .mapped(.init(around: .v4(0x0A00_0000), prefixLength: 8))),
        ])
    func refusals(text: String, error: EgressRuleError) {
        #expect(throws: error) { try EgressRule(text) }
        #expect(!error.message.isEmpty)
    }

    @Test("a port is exact, no port is all")
    func ports() throws {
        let one = try EgressRule("127.0.0.1:8080")
        #expect(one.covers(.v4(0x7F00_0001), port: 8080))
        #expect(!one.covers(.v4(0x7F00_0001), port: 8079) && !one.covers(.v4(0x7F00_0001), port: 8081))
        #expect(try EgressRule("127.0.0.1").covers(.v4(0x7F00_0001), port: 1))
    }

    @Test("who may use a rule")
    func applies() throws {
        let general = try EgressRule("127.0.0.1")
        #expect(general.applies(to: "a", madeByAdministrator: true))
        #expect(!general.applies(to: "a", madeByAdministrator: false))
        let special = try EgressRule("127.0.0.1", tenants: ["a"])
        #expect(special.applies(to: "a", madeByAdministrator: false))
        #expect(special.applies(to: "a", madeByAdministrator: true))
        #expect(!special.applies(to: "b", madeByAdministrator: true))
    }
}
