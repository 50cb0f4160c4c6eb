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
        _ address: String, _ rules: [String], port: UInt16 = 443, isHTTPS: Bool = true, requireHTTPS: Bool = true
    ) throws -> AddressVerdict {
        let policy = AddressPolicy(allow: try rules.map { try EgressRule($0) }, requireHTTPS: requireHTTPS)
        return policy.verdict(
            for: try #require(IPAddress(address)), port: port, isHTTPS: isHTTPS, tenant: "a", madeByAdministrator: true)
    }
}
