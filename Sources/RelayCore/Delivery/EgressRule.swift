/// One entry of `egress.allow`: addresses that deliveries may reach although they are private or plain http.
package struct EgressRule: Hashable, Sendable {
    /// The addresses that the rule opens.
    package let range: AddressRange
    /// The one port that it opens; nil opens all.
    package let port: UInt16?
    /// The tenants whose webhooks may use the rule, whoever made them; nil: the webhooks that an administrator made,
    /// of any tenant.
    package let tenants: Set<String>?

    /// Makes a rule from its parts.
    package init(range: AddressRange, port: UInt16? = nil, tenants: Set<String>? = nil) {
        self.range = range
        self.port = port
        self.tenants = tenants
    }

    /// Reads a rule's destination: `10.1.0.0/16`, `10.1.2.3`, `127.0.0.1/32:8080`, `[::1/128]:8080`, `::1/128`.
    ///
    /// - Parameters:
    ///   - text: An address or block, and perhaps a port; IPv6 with a port stands in brackets.
    ///   - tenants: See ``tenants``.
    /// - Throws: ``EgressRuleError``, with a sentence that says what is wrong.
    package init(_ text: String, tenants: Set<String>? = nil) throws(EgressRuleError) {
        let (destination, port) = try Self.split(text)
        let range: AddressRange
        if destination.contains("/") {
            do {
                range = try AddressRange(destination)
            } catch {
                throw .badRange(error)
            }
        } else if let address = IPAddress(destination) {
            range = AddressRange(exactly: address)
        } else {
            throw .noAddress(String(destination))
        }
        if case .v4(let inner) = range.address.unmapped, range.address.bitWidth == 128, range.prefixLength >= 96 {
            throw .mapped(AddressRange(around: .v4(inner), prefixLength: range.prefixLength - 96))
        }
        self.init(range: range, port: try port.map(Self.parsePort), tenants: tenants)
    }

    /// Whether the rule opens this destination.
    ///
    /// - Parameters:
    ///   - address: Where the connection would go; IPv4-mapped addresses unmapped.
    ///   - port: The TCP port.
    package func covers(_ address: IPAddress, port: UInt16) -> Bool {
        range.contains(address) && (self.port == nil || self.port == port)
    }

    /// Whether the rule counts for a webhook.
    ///
    /// - Parameters:
    ///   - tenant: The webhook's tenant.
    ///   - madeByAdministrator: Whether an administrator made the webhook.
    package func applies(to tenant: String, madeByAdministrator: Bool) -> Bool {
        tenants.map { $0.contains(tenant) } ?? madeByAdministrator
    }

    /// Cuts the text into address part and port part; brackets and the colon are left out.
    private static func split(_ text: String) throws(EgressRuleError) -> (Substring, Substring?) {
        if text.isEmpty { throw .empty }
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw .brackets(text) }
            let inside = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard inside.contains(":") else { throw .brackets(text) }
            if rest.isEmpty { return (inside, nil) }
            guard rest.first == ":" else { throw .brackets(text) }
            return (inside, rest.dropFirst())
        }
        guard let colon = text.firstIndex(of: ":") else { return (text[...], nil) }
        guard text.firstIndex(of: "/").map({ $0 < colon }) ?? (text.lastIndex(of: ":") == colon) else {
            // Several colons, or one before the slash: IPv6 without brackets, which has no room for a port.
            let slash = text.firstIndex(of: "/")
            if let slash, text[slash...].contains(":") { throw .unbracketedPort(text) }
            return (text[...], nil)
        }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    private static func parsePort(_ text: Substring) throws(EgressRuleError) -> UInt16 {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text.first != "0", let port = UInt16(text) else {
            throw .badPort(String(text))
        }
        return port
    }
}

extension EgressRule: CustomStringConvertible {
    /// The destination as it is written in the configuration.
    package var description: String {
        guard let port else { return range.description }
        return range.address.bitWidth == 128 ? "[\(range)]:\(port)" : "\(range):\(port)"
    }
}

/// Why a text is no ``EgressRule``.
package enum EgressRuleError: Error, Hashable, Sendable {
    /// Nothing is written.
    case empty
    /// The block before the port is wrong.
    case badRange(AddressRangeError)
    /// Neither an address nor a block; perhaps a host name.
    case noAddress(String)
    /// The port is no decimal number from 1 to 65535.
    case badPort(String)
    /// Brackets that do not hold an IPv6 block, or something other than `:port` after them.
    case brackets(String)
    /// IPv6 with a port but without brackets.
    case unbracketedPort(String)
    /// An IPv4-mapped IPv6 block; the IPv4 block to write instead.
    case mapped(AddressRange)

    /// One sentence for the person who wrote the rule.
    package var message: String {
        switch self {
        case .empty:
            "an egress rule is empty: write an address or block such as 10.1.0.0/16"
        case .badRange(let error):
            error.message
        case .noAddress(let text):
            "\"\(text)\" is no IP address or block: rules name addresses, not host names, such as 10.1.0.0/16"
        case .badPort(let text):
            "\"\(text)\" is no port: write a number from 1 to 65535"
        case .brackets(let text):
            "\"\(text)\" has misplaced brackets: IPv6 with a port is written [::1/128]:8080"
        case .unbracketedPort(let text):
            "\"\(text)\" is IPv6 with a port: put the block in brackets, as in [::1/128]:8080"
        case .mapped(let range):
            "an IPv4-mapped IPv6 block is reached over IPv4: write \(range)"
        }
    }
}
