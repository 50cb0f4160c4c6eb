/// A webhook's URL, read strictly (RFC 3986): what is checked, shown, resolved and sent is the same text for every
/// reader, so that no other parser can see another host in it.
package struct WebhookURL: Hashable, Sendable {
    /// The two schemes that deliveries speak.
    package enum Scheme: String, Hashable, Sendable {
        case http
        case https

        /// The port that a URL without one means (RFC 9110 sections 4.2.1 and 4.2.2).
        package var defaultPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    /// Who is contacted.
    package enum Host: Hashable, Sendable {
        /// A name to resolve: lower-cased, without a trailing dot.
        case name(String)
        /// An address that stands in the URL.
        case address(IPAddress)
    }

    /// The longest URL, in bytes.
    package static let bytesMax = 2048

    /// The scheme, whatever its case was.
    package let scheme: Scheme
    /// The host.
    package let host: Host
    /// The port, 1...65535; the scheme's default where none is written.
    package let port: UInt16
    /// What stands in the request line (RFC 9112 section 3.2.1): path and query as written, `/` for an empty path.
    package let requestTarget: String
    /// The URL as it was given.
    package let text: String

    /// The `Host` header's value (RFC 9110 section 7.2): IPv6 in brackets, the port unless it is the scheme's default.
    package var hostHeader: String {
        port == scheme.defaultPort ? host.description : "\(host):\(port)"
    }

    /// Scheme, host and port in one form for all URLs of a server (RFC 6454 section 6.2), such as
    /// `https://hooks.example:8443`; says which connections can be shared.
    package var origin: String { "\(scheme.rawValue)://\(hostHeader)" }

    /// Reads an absolute `http` or `https` URL.
    ///
    /// - Parameter text: At most ``bytesMax`` bytes of printable ASCII, without credentials and fragment.
    /// - Throws: ``WebhookURLError``, with a sentence for whoever wrote the URL.
    package init(_ text: String) throws(WebhookURLError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.bytesMax else { throw .tooLong(bytes.count) }
        try Self.checkCharacters(bytes)
        guard let separator = Self.find([UInt8]("://".utf8), in: bytes),
            let scheme = Scheme(rawValue: Self.string(bytes[..<separator]).lowercased())
        else { throw .scheme }
        let authorityStart = separator + 3
        let delimiters = [UInt8]("/?#".utf8)
        let authorityEnd = bytes[authorityStart...].firstIndex { delimiters.contains($0) } ?? bytes.count
        let authority = bytes[authorityStart..<authorityEnd]
        guard !authority.contains(UInt8(ascii: "@")) else { throw .credentials }
        let (host, port) = try Self.parseAuthority(authority)
        // The authority comes first, so that a name in another script is told about its A-label form.
        try Self.checkTarget(bytes, from: authorityEnd)
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        let target = Self.string(bytes[authorityEnd...])
        self.requestTarget = target.first == "/" ? target : "/" + target
        self.text = text
    }

    /// Refuses what no part of a URL may hold and what parsers disagree about.
    private static func checkCharacters(_ bytes: [UInt8]) throws(WebhookURLError) {
        for (offset, byte) in bytes.enumerated() {
            switch byte {
            case 0x00..<0x20, 0x7F: throw .controlCharacter(byte: offset + 1)
            case UInt8(ascii: " "): throw .space(byte: offset + 1)
            case UInt8(ascii: "\\"): throw .backslash(byte: offset + 1)
            default: continue
            }
        }
    }

    /// Checks path and query: URI characters, percent signs with two hexadecimal digits, no fragment. Square brackets
    /// may stand in both, as many receivers' query parameters have them.
    private static func checkTarget(_ bytes: [UInt8], from start: Int) throws(WebhookURLError) {
        for offset in start..<bytes.count {
            switch bytes[offset] {
            case 0x80...: throw .nonASCII(byte: offset + 1)
            case UInt8(ascii: "#"): throw .fragment
            case UInt8(ascii: "%"):
                let digits = bytes[(offset + 1)...].prefix(2)
                guard digits.count == 2, digits.allSatisfy({ isHexDigit($0) }) else {
                    throw .percentEncoding(byte: offset + 1)
                }
            case let byte where "\"<>^`{|}".utf8.contains(byte):
                throw .unsafeCharacter(string([byte]), byte: offset + 1)
            default: continue
            }
        }
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: needle) }
    }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    static func string(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }
}

extension WebhookURL: CustomStringConvertible {
    /// The URL as it was given.
    package var description: String { text }
}

extension WebhookURL.Host: CustomStringConvertible {
    /// The host as it stands in a URL: IPv6 in brackets.
    package var description: String {
        switch self {
        case .name(let name): name
        case .address(.v4(let value)): IPAddress.v4(value).description
        case .address(let address): "[\(address)]"
        }
    }
}
