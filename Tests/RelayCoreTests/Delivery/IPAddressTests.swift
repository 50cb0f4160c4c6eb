import RelayCore
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "strict text is read and written canonically",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("1.2.3.4", "1.2.3.4"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("2001:0db8::0001", "2001:db8::1"),
            // RFC 5952 section 4.2.2: one zero group is not shortened; 4.2.3: the longest run, the first of equals.
            ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("1:0:0:4:5:0:0:0", "1:0:0:4:5::"),
            ("1:0:0:4:5:0:0:8", "1::4:5:0:0:8"), ("0:0:3:4:5:6:0:0", "::3:4:5:6:0:0"),
            ("1:2:3:4:5:6::", "1:2:3:4:5:6::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("::FFFF:a00:1", "::ffff:10.0.0.1"),
            ("64:ff9b::8.8.8.8", "64:ff9b::808:808"), ("1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"),
        ])
    func reads(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1", "1.2.3.256", "01.2.3.4",
            "1.2.3.00", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "1.2.3.-4", "1.2.3.٤", "1.2.3.4/8",
            ":", ":::", "::1::", "1:::2", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
            "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4:5", "::1.2.3.04",
            "1:2:3:4:5:6:7:1.2.3.4", "::/0", "1.2.3.4::", "::1 ", "-1::",
        ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("values are in host order")
    func values() {
        #expect(IPAddress("127.0.0.1") == .v4(0x7F00_0001))
        #expect(IPAddress("2001:db8::1") == .v6(high: 0x2001_0DB8_0000_0000, low: 1))
    }

    @Test("only IPv4-mapped addresses are unmapped")
    func unmapped() {
        #expect(IPAddress("::ffff:1.2.3.4")?.unmapped == IPAddress("1.2.3.4"))
        for text in ["::fffe:1.2.3.4", "::1.2.3.4", "::1:ffff:1.2.3.4", "1::ffff:1.2.3.4", "1.2.3.4"] {
            #expect(IPAddress(text)?.unmapped == IPAddress(text))
        }
    }
}
