/// Why an address is no public unicast destination: the kinds of the IANA special-purpose address registries
/// (RFC 6890), with the services that hand out a cloud machine's credentials as a kind of their own.
package enum AddressClass: String, Hashable, Sendable, CaseIterable {
    case unspecified = "unspecified (RFC 4291)"
    case thisNetwork = "this network (RFC 791)"
    case privateUse = "private (RFC 1918)"
    case sharedAddressSpace = "carrier-grade NAT (RFC 6598)"
    case loopback = "loopback (RFC 1122, RFC 4291)"
    case linkLocal = "link-local (RFC 3927, RFC 4291)"
    case protocolAssignment = "IETF protocol assignment (RFC 6890)"
    case documentation = "documentation (RFC 5737, RFC 3849, RFC 9637)"
    case as112 = "AS112 name service (RFC 7534)"
    case multicastTunnel = "automatic multicast tunneling (RFC 7450)"
    case relayAnycast = "6to4 relay anycast (RFC 7526)"
    case benchmarking = "benchmarking (RFC 2544, RFC 5180)"
    case multicast = "multicast (RFC 5771, RFC 4291)"
    case reserved = "reserved (RFC 1112, RFC 4291)"
    case broadcast = "limited broadcast (RFC 8190)"
    case uniqueLocal = "unique local (RFC 4193)"
    case siteLocal = "site-local (RFC 3879)"
    case discardOnly = "discard-only (RFC 6666)"
    case dummyPrefix = "dummy prefix (RFC 9780)"
    case orchid = "ORCHID (RFC 4843, RFC 7343)"
    case droneIdentity = "drone remote identification (RFC 9374)"
    case segmentRouting = "segment routing SIDs (RFC 9602)"
    case ipv4Compatible = "IPv4-compatible IPv6 (RFC 4291)"
    case ipv4Mapped = "IPv4-mapped IPv6 (RFC 4291)"
    case ipv4Translated = "IPv4-translated IPv6 (RFC 2765)"
    case isatap = "ISATAP tunnel (RFC 5214)"
    case localTranslation = "local-use NAT64 (RFC 8215)"
    case sixToFour = "6to4 tunnel (RFC 3056)"
    case teredo = "Teredo tunnel (RFC 4380)"
    case metadata = "cloud metadata service"
    case ownListener = "the relay's own API"

    /// The class of an address; nil for an ordinary public unicast address.
    ///
    /// An IPv6 address that carries an IPv4 address has the class of the inner one where that is special. A public
    /// address inside makes none of these forms ordinary but one: an address of the well-known NAT64 prefix is how a host
    /// without IPv4 reaches a receiver without IPv6. No receiver is named by any of the others.
    package init?(of address: IPAddress) {
        let isMapped = address.unmapped != address
        let address = address.unmapped
        let embedded = EmbeddedIPv4.candidates(in: address)
        if SpecialRanges.metadata.contains(address)
            || embedded.contains(where: { SpecialRanges.metadata.contains($0) })
        {
            self = .metadata
            return
        }
        // A special address inside says more than the form around it: "loopback" rather than "6to4".
        let classes = embedded.compactMap { SpecialRanges.classOfPlainAddress($0) }
        if let inner = classes.first, !SpecialRanges.isPlainSpecial(address) {
            self = inner
            return
        }
        if let found = SpecialRanges.classOfPlainAddress(address) {
            self = found
            return
        }
        if isMapped {
            self = .ipv4Mapped
        } else if EmbeddedIPv4.isISATAP(address) {
            self = .isatap
        } else {
            return nil
        }
    }
}

extension AddressClass: CustomStringConvertible {
    /// A short name with the specification behind it, such as `private (RFC 1918)`.
    package var description: String { rawValue }
}
