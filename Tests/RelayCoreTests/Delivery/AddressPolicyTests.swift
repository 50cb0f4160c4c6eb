import RelayCore
import Testing

@Suite("Address policy")
struct AddressPolicyTests {
    @Test("without rules: public addresses over https only")
    func noRules() throws {
        #expect(try verdict("8.8.8.8", []) == .allowed)
        #expect(try verdict("2606:4700::1111", []) == .allowed)
        #expect(try verdict("8.8.8.8", [], isHTTPS: false) == .plainHTTP)
        #expect(try verdict("8.8.8.8", [], isHTTPS: false, requireHTTPS: false) == .allowed)
        #expect(try verdict("10.0.0.1", [], requireHTTPS: false) == .forbidden(.privateUse))
        // A forbidden address is named as such, whatever the scheme.
        #expect(try verdict("127.0.0.1", [], isHTTPS: false) == .forbidden(.loopback))
    }

    @Test("a rule opens its addresses, its port, and plain http to them")
    func rules() throws {
        #expect(try verdict("10.1.2.3", ["10.1.0.0/16"]) == .allowed)
        #expect(try verdict("10.2.0.0", ["10.1.0.0/16"]) == .forbidden(.privateUse))
        #expect(try verdict("127.0.0.1", ["127.0.0.1:8080"], port: 8080, isHTTPS: false) == .allowed)
        #expect(try verdict("127.0.0.1", ["127.0.0.1:8080"], port: 8081) == .forbidden(.loopback))
        #expect(try verdict("8.8.8.8", ["8.8.8.8"], isHTTPS: false) == .allowed)
        #expect(try verdict("8.8.8.9", ["8.8.8.8"], isHTTPS: false) == .plainHTTP)
        #expect(try verdict("::1", ["[::1/128]:443"]) == .allowed)
        #expect(try verdict("127.0.0.1", ["::/0"]) == .forbidden(.loopback))
    }

    @Test("an IPv4-mapped address is the IPv4 address; other embeddings need their own rule")
    func embedded() throws {
        #expect(try verdict("::ffff:10.1.2.3", ["10.1.0.0/16"]) == .allowed)
        #expect(try verdict("::ffff:10.1.2.3", ["::/0"]) == .forbidden(.privateUse))
        #expect(try verdict("64:ff9b::10.1.2.3", ["10.1.0.0/16"]) == .forbidden(.privateUse))
        #expect(try verdict("64:ff9b::10.1.2.3", ["64:ff9b::/96"]) == .allowed)
    }

    @Test("metadata services need an exact rule")
    func metadata() throws {
        for text in ["169.254.169.254", "::ffff:169.254.169.254"] {
            #expect(try verdict(text, ["0.0.0.0/0", "169.254.0.0/16", "169.254.169.254/31"]) == .forbidden(.metadata))
            #expect(try verdict(text, ["169.254.169.254/32"]) == .allowed)
        }
        #expect(try verdict("fd00:ec2::254", ["::/0", "fd00:ec2::254/127"]) == .forbidden(.metadata))
        #expect(try verdict("fd00:ec2::254", ["fd00:ec2::254"]) == .allowed)
        #expect(try verdict("168.63.129.16", []) == .forbidden(.metadata))
        #expect(try verdict("64:ff9b::169.254.169.254", ["64:ff9b::/96"]) == .forbidden(.metadata))
    }

    @Test("an IPv4 address in IPv6 clothes needs a rule even if it is public")
    func publicInside() throws {
        #expect(try verdict("::ffff:8.8.8.8", []) == .forbidden(.ipv4Mapped))
        #expect(try verdict("::ffff:8.8.8.8", ["8.8.8.8"]) == .allowed)
        #expect(try verdict("2606:4700::5efe:8.8.8.8", []) == .forbidden(.isatap))
        #expect(try verdict("::ffff:0:8.8.8.8", []) == .forbidden(.ipv4Translated))
        #expect(try verdict("64:ff9b::8.8.8.8", []) == .allowed)
    }

    @Test(
        "the relay's own API is not opened by a block, nor by an address without its port",
        arguments: ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::ffff:0.0.0.0", "::"])
    func ownListener(text: String) throws {
        let own = [AddressPolicy.Endpoint(.v4(0x7F00_0001), port: 8480)]
        let loose = ["0.0.0.0/0", "::/0", "127.0.0.1", "127.0.0.1:8481", "0.0.0.0", "127.0.0.0/8:8480", "::"]
        let exact = loose + ["127.0.0.1:8480", "0.0.0.0:8480", "[::]:8480"]
        #expect(try verdict(text, loose, port: 8480, own: own) == .forbidden(.ownListener))
        #expect(try verdict(text, exact, port: 8480, own: own) == .allowed)
        #expect(try verdict(text, loose, port: 8482, own: own) == .allowed)
        #expect(try verdict("127.0.0.2", loose, port: 8480, own: own) == .allowed)
        #expect(try verdict("::1", loose, port: 8480, own: own) == .allowed)
    }

    @Test("what is said of a name's address does not say the address")
    func failureTexts() throws {
        let inside = try #require(IPAddress("10.1.2.3"))
        for verdict in [AddressVerdict.forbidden(.privateUse), .plainHTTP] {
            let named = try #require(AttemptFailure(verdict, of: inside, for: WebhookURL("https://a.example/")))
            #expect(named.kind == .forbidden && named.detail == "10.1.2.3")
            #expect(!named.reason.contains("10.1.2.3") && named.reason.contains("a.example"))
            let literal = try #require(AttemptFailure(verdict, of: inside, for: WebhookURL("https://10.1.2.3/")))
            #expect(literal.reason.contains("10.1.2.3"))
        }
        #expect(try AttemptFailure(.allowed, of: inside, for: WebhookURL("https://a.example/")) == nil)
        let failures = [(inside, "connection refused"), (.v4(1), "connection refused"), (.v4(2), "no route to host")]
        let failure = AttemptFailure.connect(
            failures.map { (address: $0.0, reason: $0.1) }, to: try WebhookURL("https://a.example/"))
        #expect(failure.reason == "a.example port 443: connection refused; no route to host")
        #expect(
            failure.detail == "10.1.2.3: connection refused; 0.0.0.1: connection refused; 0.0.0.2: no route to host")
    }

    @Test("who a rule is for")
    func tenants() throws {
        let general = AddressPolicy(allow: [try EgressRule("127.0.0.1")], requireHTTPS: true)
        let special = AddressPolicy(allow: [try EgressRule("127.0.0.1", tenants: ["a"])], requireHTTPS: true)
        func judge(_ policy: AddressPolicy, _ tenant: String, _ madeByAdministrator: Bool) -> AddressVerdict {
            policy.verdict(
                for: .v4(0x7F00_0001), port: 80, isHTTPS: false, tenant: tenant,
                madeByAdministrator: madeByAdministrator)
        }
        #expect(judge(general, "a", true) == .allowed)
        #expect(judge(general, "a", false) == .forbidden(.loopback))
        #expect(judge(special, "a", false) == .allowed)
        #expect(judge(special, "a", true) == .allowed)
        #expect(judge(special, "b", true) == .forbidden(.loopback))
    }

    @Test("every class has a short description")
    func descriptions() {
        #expect(AddressClass.privateUse.description == "private (RFC 1918)")
        for value in AddressClass.allCases { #expect((8...60).contains(value.description.count)) }
    }

    private func verdict(
        _ address: String, _ rules: [String], port: UInt16 = 443, isHTTPS: Bool = true, requireHTTPS: Bool = true,
        own: [AddressPolicy.Endpoint] = []
    ) throws -> AddressVerdict {
        let policy = AddressPolicy(
            allow: try rules.map { try EgressRule($0) }, requireHTTPS: requireHTTPS, ownListeners: own)
        return policy.verdict(
            for: try #require(IPAddress(address)), port: port, isHTTPS: isHTTPS, tenant: "a", madeByAdministrator: true)
    }
}
