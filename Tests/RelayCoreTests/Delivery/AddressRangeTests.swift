import RelayCore
import Testing

@Suite("Address ranges")
struct AddressRangeTests {
    @Test(
        "both neighbours of each end",
        arguments: [
            ("10.1.0.0/16", "10.0.255.255", "10.1.0.0", "10.1.255.255", "10.2.0.0"),
            ("172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
            ("10.1.2.3/32", "10.1.2.2", "10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("128.0.0.0/1", "127.255.255.255", "128.0.0.0", "255.255.255.255", "0.0.0.0"),
            ("fc00::/7", "fbff:ffff::", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"),
            ("2001:db8::/64", "2001:db7::", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
            ("2001:db8::/65", "2001:db7::", "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff", "2001:db8::8000:0:0:0"),
            ("::1/128", "::", "::1", "::1", "::2"),
        ])
    func contains(text: String, below: String, first: String, last: String, above: String) throws {
        let range = try AddressRange(text)
        #expect(range.description == text)
        #expect(try !range.contains(#require(IPAddress(below))))
        #expect(try range.contains(#require(IPAddress(first))))
        #expect(try range.contains(#require(IPAddress(last))))
        #expect(try !range.contains(#require(IPAddress(above))))
    }

    @Test("a whole family, and not the other one")
    func families() throws {
        let v4 = try AddressRange("0.0.0.0/0")
        let v6 = try AddressRange("::/0")
        #expect(v4.contains(.v4(.max)) && !v4.contains(.v6(high: 0, low: 0)))
        #expect(v6.contains(.v6(high: .max, low: .max)) && !v6.contains(.v4(0)))
    }

    @Test(
        "bad lengths",
        arguments: [
            "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+8", "1.2.3.4/08", "1.2.3.4/8/8", "::/129",
            "::/ 8",
        ])
    func badLength(text: String) {
        #expect { try AddressRange(text) } throws: { error in
            if case .badLength = error as? AddressRangeError { true } else { false }
        }
    }

    @Test("other errors say what to write")
    func errors() {
        #expect(throws: AddressRangeError.noLength("10.0.0.0")) { try AddressRange("10.0.0.0") }
        #expect(throws: AddressRangeError.noAddress("10.0.0")) { try AddressRange("10.0.0/8") }
        #expect { try AddressRange("10.1.2.3/16") } throws: { error in
            (error as? AddressRangeError)?.message
                == "10.1.2.3/16 has bits set after its prefix: write 10.1.0.0/16 for the block, "
                + "or 10.1.2.3/32 for the one address"
        }
    }
}
