/// IPv4 addresses inside IPv6 ones: where a translator, tunnel or router would take the packet in the end.
///
/// IPv4-mapped addresses are not here: ``IPAddress/unmapped`` makes plain IPv4 of them first.
enum EmbeddedIPv4 {
    /// The IPv4 addresses that an IPv6 address carries; empty for IPv4 and for ordinary IPv6.
    static func candidates(in address: IPAddress) -> [IPAddress] {
        guard case .v6(let high, let low) = address else { return [] }
        let tail = UInt32(truncatingIfNeeded: low)
        // ::1 and :: are addresses of their own, not IPv4-compatible 0.0.0.1 and 0.0.0.0.
        if high == 0, low <= 1 { return [] }
        let special: [UInt32]? =
            switch (high >> 48, high, low >> 32) {
            case (_, 0, 0): [tail]  // IPv4-compatible, RFC 4291 section 2.5.5.1
            case (_, 0, 0xFFFF_0000): [tail]  // IPv4-translated, RFC 2765 section 2.1
            case (_, 0x0064_FF9B_0000_0000, 0): [tail]  // NAT64 well-known prefix, RFC 6052 section 2.1
            case (0x2002, _, _): [UInt32(truncatingIfNeeded: high >> 16)]  // 6to4, RFC 3056 section 2
            case _ where high >> 32 == 0x2001_0000:  // Teredo, RFC 4380 section 4: server, then client inverted
                [UInt32(truncatingIfNeeded: high), ~tail]
            case _ where high >> 16 == 0x0064_FF9B_0001: localTranslation(high: high, low: low)
            default: nil
            }
        if let special { return special.map { .v4($0) } }
        return isISATAP(address) ? [.v4(tail)] : []
    }

    /// Whether the interface identifier is 0000:5efe or 0200:5efe and an IPv4 address (RFC 5214 section 6.1).
    static func isISATAP(_ address: IPAddress) -> Bool {
        guard case .v6(_, let low) = address else { return false }
        return low >> 32 & ~0x0200_0000 == 0x0000_5EFE
    }

    /// The places where RFC 6052 section 2.2 lets a prefix within 64:ff9b:1::/48 have the IPv4 address: after 48, 56,
    /// 64 or 96 bits, around the zero byte at bits 64 to 71.
    private static func localTranslation(high: UInt64, low: UInt64) -> [UInt32] {
        let after48 = UInt32(high & 0xFFFF) << 16 | UInt32(low >> 40 & 0xFFFF)
        let after56 = UInt32(high & 0xFF) << 24 | UInt32(low >> 32 & 0xFF_FFFF)
        let after64 = UInt32(low >> 24 & 0xFFFF_FFFF)
        return [after48, after56, after64, UInt32(truncatingIfNeeded: low)]
    }
}
