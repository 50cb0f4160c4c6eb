/// A block of addresses in CIDR notation (RFC 4632 for IPv4, RFC 4291 section 2.3 for IPv6).
package struct AddressRange: Hashable, Sendable {
    /// The first address of the block; every bit after `prefixLength` is zero.
    package let address: IPAddress
    /// How many leading bits all addresses of the block share: 0...32 for IPv4, 0...128 for IPv6.
    package let prefixLength: Int

    /// The block that holds this address alone (/32 or /128).
    package init(exactly address: IPAddress) {
        self.address = address
        self.prefixLength = address.bitWidth
    }

    /// The block of this prefix length around an address; host bits are cleared.
    ///
    /// - Parameters:
    ///   - address: Any address of the block.
    ///   - prefixLength: 0...32 for IPv4, 0...128 for IPv6.
    package init(around address: IPAddress, prefixLength: Int) {
        self.address = address.masked(to: prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads `address/length` strictly, for example `10.1.0.0/16` or `fd00::/8`.
    ///
    /// - Throws: ``AddressRangeError``; also when bits after the prefix are set, because the writer then meant either
    ///   one address or another block.
    package init(_ text: some StringProtocol) throws(AddressRangeError) {
        guard let slash = text.firstIndex(of: "/") else { throw .noLength(String(text)) }
        guard let address = IPAddress(text[..<slash]) else { throw .noAddress(String(text[..<slash])) }
        let length = text[text.index(after: slash)...]
        let digits = length.utf8
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != 0x30,
            let value = Int(length), value <= address.bitWidth
        else { throw .badLength(String(length), bitWidth: address.bitWidth) }
        let range = AddressRange(around: address, prefixLength: value)
        guard range.address == address else { throw .hostBitsSet(address, range) }
        self = range
    }

    /// Whether the block holds exactly one address.
    package var isSingleAddress: Bool { prefixLength == address.bitWidth }

    /// Whether the address is in the block. An address of the other family never is; IPv4-mapped addresses count as
    /// IPv6 here, so unmap them first where that matters.
    package func contains(_ other: IPAddress) -> Bool {
        other.bitWidth == address.bitWidth && other.masked(to: prefixLength) == address
    }
}

extension AddressRange: CustomStringConvertible {
    /// The block as `address/length`.
    package var description: String { "\(address)/\(prefixLength)" }
}

/// Why a text is no address block.
package enum AddressRangeError: Error, Hashable, Sendable {
    /// No `/`.
    case noLength(String)
    /// What stands before the `/` is no IP address.
    case noAddress(String)
    /// What stands after the `/` is no decimal number from 0 to the family's bit width.
    case badLength(String, bitWidth: Int)
    /// Bits after the prefix are set: the address as written, and the block that it lies in.
    case hostBitsSet(IPAddress, AddressRange)

    /// One sentence for the person who wrote the text.
    package var message: String {
        switch self {
        case .noLength(let text):
            "\"\(text)\" has no prefix length such as /24"
        case .noAddress(let text):
            "\"\(text)\" is no IP address (IPv4: four decimal numbers without leading zeros; IPv6: no zone id)"
        case .badLength(let text, let bitWidth):
            "\"\(text)\" is no prefix length: write a number from 0 to \(bitWidth)"
        case .hostBitsSet(let address, let range):
            "\(address)/\(range.prefixLength) has bits set after its prefix: "
                + "write \(range) for the block, or \(AddressRange(exactly: address)) for the one address"
        }
    }
}
