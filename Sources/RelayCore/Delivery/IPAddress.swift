/// An IPv4 or IPv6 address as a number, without port and without zone.
///
/// Values are numeric and in host order: `.v4(0x7F00_0001)` is 127.0.0.1, `.v6(high: 0, low: 1)` is ::1.
package enum IPAddress: Hashable, Sendable {
    /// An IPv4 address; the first octet is the most significant byte.
    case v4(UInt32)
    /// An IPv6 address; `high` holds the first four 16-bit groups, `low` the last four.
    case v6(high: UInt64, low: UInt64)

    /// How many bits an address of this family has: 32 or 128.
    package var bitWidth: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address that the operating system really talks to: the IPv4 address inside an IPv4-mapped IPv6 address
    /// (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2), every other address unchanged.
    package var unmapped: IPAddress {
        if case .v6(high: 0, let low) = self, low >> 32 == 0xFFFF {
            return .v4(UInt32(truncatingIfNeeded: low))
        }
        return self
    }

    /// The address with every bit after the first `length` cleared.
    ///
    /// - Parameter length: Bits to keep; from 0 to `bitWidth`.
    package func masked(to length: Int) -> IPAddress {
        // Swift's smart shift gives 0 when it shifts by the whole width, which is the mask of a zero-length prefix.
        switch self {
        case .v4(let value):
            return .v4(value & (UInt32.max << (32 - length)))
        case .v6(let high, let low):
            let highMask = length >= 64 ? UInt64.max : UInt64.max << (64 - length)
            let lowMask = length <= 64 ? 0 : UInt64.max << (128 - length)
            return .v6(high: high & highMask, low: low & lowMask)
        }
    }
}
