/// The IANA IPv4 and IPv6 special-purpose address registries, and cloud metadata addresses, as tables.
enum SpecialRanges {
    /// Where cloud platforms answer a machine's questions, credentials included.
    static let metadata: Set<IPAddress> = [
        quad(169, 254, 169, 254),  // most platforms
        quad(169, 254, 170, 2),  // AWS ECS task credentials
        quad(169, 254, 170, 23),  // AWS EKS pod identity
        quad(169, 254, 169, 252),  // Google Kubernetes Engine
        quad(169, 254, 42, 42),  // Scaleway
        quad(169, 254, 0, 23),  // Tencent Cloud
        quad(100, 100, 100, 200),  // Alibaba Cloud
        quad(168, 63, 129, 16),  // Azure
        quad(192, 0, 0, 192),  // Oracle Cloud
        .v6(high: 0xFD00_0EC2_0000_0000, low: 0x254),  // AWS
        .v6(high: 0xFD00_0EC2_0000_0000, low: 0x23),  // AWS EKS pod identity
        .v6(high: 0xFD20_00CE_0000_0000, low: 0x254),  // Google Cloud
        .v6(high: 0xFD00_00C1_0000_0000, low: 0xA9FE_A9FE),  // Oracle Cloud
        .v6(high: 0xFD00_0042_0000_0000, low: 0x42),  // Scaleway
        .v6(high: 0xFD00_A9FE_A9FE_0000, low: 1),  // Linode
        .v6(high: 0xFE80_0000_0000_0000, low: 0xA9FE_A9FE),  // OpenStack
    ]

    /// The class of an address taken as it is, whatever it may carry; nil for public unicast.
    static func classOfPlainAddress(_ address: IPAddress) -> AddressClass? {
        if let entry = table(for: address).first(where: { $0.range.contains(address) }) { return entry.class }
        guard case .v6(let high, let low) = address else { return nil }
        // RFC 6052 section 3.1: an address of the well-known NAT64 prefix stands for the IPv4 address in it.
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return nil }
        // All global unicast is assigned from 2000::/3 (RFC 3587); the rest of the space is reserved.
        return high >> 61 == 1 ? nil : .reserved
    }

    /// Whether an IPv6 address is special for what stands before any embedded IPv4 address: link-local or unique local
    /// with an ISATAP identifier stays that.
    static func isPlainSpecial(_ address: IPAddress) -> Bool {
        switch classOfPlainAddress(address) {
        case nil, .ipv4Compatible, .ipv4Translated, .sixToFour, .teredo, .reserved: false
        default: true
        }
    }

    private struct Entry: Sendable {
        let range: AddressRange
        let `class`: AddressClass
    }

    private static func table(for address: IPAddress) -> [Entry] {
        switch address {
        case .v4: ipv4
        case .v6: ipv6
        }
    }

    /// The first entry that holds an address counts: single addresses stand before the blocks around them.
    private static let ipv4: [Entry] = [
        entry(quad(0, 0, 0, 0), 32, .unspecified),
        entry(quad(0, 0, 0, 0), 8, .thisNetwork),
        entry(quad(10, 0, 0, 0), 8, .privateUse),
        entry(quad(100, 64, 0, 0), 10, .sharedAddressSpace),
        entry(quad(127, 0, 0, 0), 8, .loopback),
        entry(quad(169, 254, 0, 0), 16, .linkLocal),
        entry(quad(172, 16, 0, 0), 12, .privateUse),
        entry(quad(192, 0, 0, 0), 24, .protocolAssignment),
        entry(quad(192, 0, 2, 0), 24, .documentation),
        entry(quad(192, 31, 196, 0), 24, .as112),
        entry(quad(192, 52, 193, 0), 24, .multicastTunnel),
        entry(quad(192, 88, 99, 0), 24, .relayAnycast),
        entry(quad(192, 168, 0, 0), 16, .privateUse),
        entry(quad(192, 175, 48, 0), 24, .as112),
        entry(quad(198, 18, 0, 0), 15, .benchmarking),
        entry(quad(198, 51, 100, 0), 24, .documentation),
        entry(quad(203, 0, 113, 0), 24, .documentation),
        entry(quad(224, 0, 0, 0), 4, .multicast),
        entry(quad(255, 255, 255, 255), 32, .broadcast),
        entry(quad(240, 0, 0, 0), 4, .reserved),
    ]

    private static let ipv6: [Entry] = [
        entry(.v6(high: 0, low: 0), 128, .unspecified),
        entry(.v6(high: 0, low: 1), 128, .loopback),
        entry(.v6(high: 0, low: 0), 96, .ipv4Compatible),
        entry(.v6(high: 0, low: 0xFFFF_0000_0000_0000), 96, .ipv4Translated),
        entry(prefix(0x0064_FF9B_0001_0000), 48, .localTranslation),
        entry(prefix(0x0100_0000_0000_0000), 64, .discardOnly),
        entry(prefix(0x0100_0000_0000_0001), 64, .dummyPrefix),
        entry(prefix(0x2001_0000_0000_0000), 32, .teredo),
        entry(prefix(0x2001_0002_0000_0000), 48, .benchmarking),
        entry(prefix(0x2001_0003_0000_0000), 32, .multicastTunnel),
        entry(prefix(0x2001_0004_0112_0000), 48, .as112),
        entry(prefix(0x2001_0010_0000_0000), 28, .orchid),
        entry(prefix(0x2001_0020_0000_0000), 28, .orchid),
        entry(prefix(0x2001_0030_0000_0000), 28, .droneIdentity),
        entry(prefix(0x2001_0000_0000_0000), 23, .protocolAssignment),
        entry(prefix(0x2001_0DB8_0000_0000), 32, .documentation),
        entry(prefix(0x2002_0000_0000_0000), 16, .sixToFour),
        entry(prefix(0x2620_004F_8000_0000), 48, .as112),
        entry(prefix(0x3FFF_0000_0000_0000), 20, .documentation),
        entry(prefix(0x5F00_0000_0000_0000), 16, .segmentRouting),
        entry(prefix(0xFC00_0000_0000_0000), 7, .uniqueLocal),
        entry(prefix(0xFE80_0000_0000_0000), 10, .linkLocal),
        entry(prefix(0xFEC0_0000_0000_0000), 10, .siteLocal),
        entry(prefix(0xFF00_0000_0000_0000), 8, .multicast),
    ]

    private static func entry(_ address: IPAddress, _ length: Int, _ class: AddressClass) -> Entry {
        Entry(range: AddressRange(around: address, prefixLength: length), class: `class`)
    }

    private static func quad(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> IPAddress {
        .v4(a << 24 | b << 16 | c << 8 | d)
    }

    private static func prefix(_ high: UInt64) -> IPAddress { .v6(high: high, low: 0) }
}
