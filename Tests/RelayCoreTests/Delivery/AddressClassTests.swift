import RelayCore
import Testing

@Suite("Address classes")
struct AddressClassTests {
    // Each block: a public address before it, its class, its first and last address, a public address after it.
    @Test(
        "blocks and their neighbours",
        arguments: [
            ("", AddressClass.thisNetwork, "0.0.0.1", "0.255.255.255", "1.0.0.0"),
            ("9.255.255.255", .privateUse, "10.0.0.0", "10.255.255.255", "11.0.0.0"),
            ("100.63.255.255", .sharedAddressSpace, "100.64.0.0", "100.127.255.255", "100.128.0.0"),
            ("126.255.255.255", .loopback, "127.0.0.0", "127.255.255.255", "128.0.0.0"),
            ("169.253.255.255", .linkLocal, "169.254.0.0", "169.254.255.255", "169.255.0.0"),
            ("172.15.255.255", .privateUse, "172.16.0.0", "172.31.255.255", "172.32.0.0"),
            ("191.255.255.255", .protocolAssignment, "192.0.0.0", "192.0.0.255", "192.0.1.0"),
            ("192.0.1.255", .documentation, "192.0.2.0", "192.0.2.255", "192.0.3.0"),
            ("192.31.195.255", .as112, "192.31.196.0", "192.31.196.255", "192.31.197.0"),
            ("192.52.192.255", .multicastTunnel, "192.52.193.0", "192.52.193.255", "192.52.194.0"),
            ("192.88.98.255", .relayAnycast, "192.88.99.0", "192.88.99.255", "192.88.100.0"),
            ("192.167.255.255", .privateUse, "192.168.0.0", "192.168.255.255", "192.169.0.0"),
            ("192.175.47.255", .as112, "192.175.48.0", "192.175.48.255", "192.175.49.0"),
            ("198.17.255.255", .benchmarking, "198.18.0.0", "198.19.255.255", "198.20.0.0"),
            ("198.51.99.255", .documentation, "198.51.100.0", "198.51.100.255", "198.51.101.0"),
            ("203.0.112.255", .documentation, "203.0.113.0", "203.0.113.255", "203.0.114.0"),
            ("223.255.255.255", .multicast, "224.0.0.0", "239.255.255.255", ""),
            ("", .reserved, "240.0.0.0", "255.255.255.254", ""),
            ("", .teredo, "2001:0:101:101::f7f7:f7f7", "2001:0:dfff:ffff:ffff:ffff:f7f7:f7f7", "2001:200::"),
            ("", .protocolAssignment, "2001:1::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
            ("", .benchmarking, "2001:2::", "2001:2:0:ffff::", ""),
            ("", .multicastTunnel, "2001:3::", "2001:3:ffff::", ""),
            ("", .as112, "2001:4:112::", "2001:4:112:ffff::", ""),
            ("", .orchid, "2001:10::", "2001:2f:ffff::", ""),
            ("", .droneIdentity, "2001:30::", "2001:3f:ffff::", ""),
            ("2001:db7:ffff::", .documentation, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
            ("2001:ffff::", .sixToFour, "2002:808:808::", "2002:dfff:ffff:ffff::", "2003::"),
            ("2620:4f:7fff:ffff::", .as112, "2620:4f:8000::", "2620:4f:8000:ffff::", "2620:4f:8001::"),
            ("3ffe:ffff::", .documentation, "3fff::", "3fff:fff:ffff::", "3fff:1000::"),
            ("", .discardOnly, "100::", "100::ffff:ffff:ffff:ffff", ""),
            ("", .dummyPrefix, "100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", ""),
            ("", .segmentRouting, "5f00::", "5f00:ffff::", ""),
            ("3fff:ffff::", .reserved, "4000::", "5eff:ffff::", ""),
            ("", .reserved, "100:0:0:2::", "1fff:ffff::", "2000::"),
            ("", .uniqueLocal, "fc00::", "fdff:ffff::", ""),
            ("", .linkLocal, "fe80::", "febf:ffff::", ""),
            ("", .siteLocal, "fec0::", "feff:ffff::", ""),
            ("", .multicast, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("64:ff9b::808:808", .localTranslation, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ""),
        ])
    func blocks(below: String, expected: AddressClass, first: String, last: String, above: String) throws {
        #expect(try classify(first) == expected)
        #expect(try classify(last) == expected)
        if !below.isEmpty { #expect(try classify(below) == nil) }
        if !above.isEmpty { #expect(try classify(above) == nil) }
    }

    // Addresses of the registries that are globally reachable all the same: what they lead to is a protocol's machinery
    // (PCP and TURN anycast, DNS-SD, AMT, AS112), never a receiver.
    @Test(
        "the registries' reachable entries",
        arguments: [
            "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.11", "192.0.0.170", "192.0.0.171", "192.31.196.1",
            "192.52.193.1", "192.88.99.2", "192.175.48.6", "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::1",
            "2001:4:112::1", "2001:20::1", "2001:30::1", "2620:4f:8000::1",
        ])
    func reachableEntries(text: String) throws {
        #expect(try classify(text) != nil)
    }

    @Test(
        "single addresses, and IPv4 inside IPv6",
        arguments: [
            ("0.0.0.0", .unspecified), ("255.255.255.255", .broadcast), ("::", .unspecified), ("::1", .loopback),
            ("8.8.8.8", nil), ("2606:4700::1111", nil),
            ("::ffff:127.0.0.1", .loopback), ("::ffff:8.8.8.8", .ipv4Mapped), ("::ffff:0.0.0.0", .unspecified),
            ("::127.0.0.1", .loopback), ("::8.8.8.8", .ipv4Compatible), ("::2", .thisNetwork),
            ("::ffff:0:10.0.0.1", .privateUse), ("::ffff:0:8.8.8.8", .ipv4Translated), ("::fffe:8.8.8.8", .reserved),
            ("::1:0:8.8.8.8", .reserved),
            ("64:ff9b::10.0.0.1", .privateUse), ("64:ff9b::8.8.8.8", nil), ("64:ff9b::1:8.8.8.8", .reserved),
            ("64:ff9b:1::10.0.0.1", .localTranslation),
            ("2002:7f00:1::", .loopback), ("2002:808:808::", .sixToFour),
            // Teredo: the client's address is inverted, the server's stands before it.
            ("2001:0:808:808::f5ff:fffe", .privateUse), ("2001:0:a00:1::f7f7:f7f7", .privateUse),
            ("2001:0:808:808::f7f7:f7f7", .teredo),
            ("2606:4700::5efe:192.168.0.1", .privateUse), ("2606:4700::200:5efe:192.168.0.1", .privateUse),
            ("2606:4700::5efe:8.8.8.8", .isatap), ("2606:4700::200:5efe:8.8.8.8", .isatap),
            ("2606:4700::100:5efe:192.168.0.1", nil), ("2606:4700::5efd:192.168.0.1", nil),
            ("2606:4700::5eff:192.168.0.1", nil),
            ("fe80::5efe:8.8.8.8", .linkLocal), ("fd00::5efe:127.0.0.1", .uniqueLocal),
        ] as [(String, AddressClass?)])
    func single(text: String, expected: AddressClass?) throws {
        #expect(try classify(text) == expected)
    }

    @Test(
        "metadata services, however they are written",
        arguments: [
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
            "169.254.169.252", "169.254.42.42", "169.254.0.23",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1",
            "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "::169.254.169.254",
            "::ffff:0:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1",
            "2001:0:808:808::5601:5601", "2606:4700::5efe:169.254.169.254", "fe80::5efe:169.254.169.254",
            // The four layouts of RFC 6052 that fit 64:ff9b:1::/48.
            "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1::a9:fea9:fe00:0",
            "64:ff9b:1::169.254.169.254",
        ])
    func metadata(text: String) throws {
        #expect(try classify(text) == .metadata)
    }

    @Test(
        "neighbours of metadata addresses are not metadata",
        arguments: [
            ("169.254.169.253", .linkLocal), ("169.254.169.255", .linkLocal), ("168.63.129.15", nil),
            ("168.63.129.17", nil), ("fd00:ec2::253", .uniqueLocal), ("fd00:ec2::255", .uniqueLocal),
            ("100.100.100.199", .sharedAddressSpace), ("100.100.100.201", .sharedAddressSpace),
            ("192.0.0.191", .protocolAssignment), ("192.0.0.193", .protocolAssignment),
            ("fe80::a9fe:a9fd", .linkLocal), ("fe80::a9fe:a9ff", .linkLocal),
        ] as [(String, AddressClass?)])
    func metadataNeighbours(text: String, expected: AddressClass?) throws {
        #expect(try classify(text) == expected)
    }

    private func classify(_ text: String) throws -> AddressClass? {
        AddressClass(of: try #require(IPAddress(text), "\(text)"))
    }
}
