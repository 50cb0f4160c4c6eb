/// Why a text is no ``WebhookURL``. Positions count bytes from 1.
package enum WebhookURLError: Error, Hashable, Sendable {
    /// Nothing is written.
    case empty
    /// Longer than ``WebhookURL/bytesMax``; its length in bytes.
    case tooLong(Int)
    /// Neither `https://` nor `http://` at the start.
    case scheme
    /// A user name or password before the host.
    case credentials
    /// No host.
    case emptyHost
    /// The port is no decimal number from 1 to 65535.
    case port(String)
    /// A host that other programs could read as another IPv4 address.
    case ambiguousAddress(String)
    /// Not an IPv6 address in brackets.
    case badIPv6(String)
    /// An IPv6 zone id.
    case zoneID
    /// A host name in another script.
    case nonASCIIHost
    /// A label of the host name that is empty, too long, or has characters that host names don't have.
    case badLabel(String)
    /// The host name is too long; its length in bytes.
    case hostTooLong(Int)
    /// A character below U+0020, or U+007F.
    case controlCharacter(byte: Int)
    /// A space.
    case space(byte: Int)
    /// A backslash.
    case backslash(byte: Int)
    /// A byte of 0x80 or above in path or query.
    case nonASCII(byte: Int)
    /// A `#`.
    case fragment
    /// A `%` that two hexadecimal digits don't follow.
    case percentEncoding(byte: Int)
    /// A printable character that a URI can't hold.
    case unsafeCharacter(String, byte: Int)

    /// One sentence for whoever wrote the URL.
    package var message: String {
        switch self {
        case .empty: "the URL is empty"
        case .tooLong(let count): "the URL has \(count) bytes; at most \(WebhookURL.bytesMax) are allowed"
        case .scheme: "the URL must begin with https:// or http://"
        case .credentials: "the URL must not hold a user name or password; use the webhook's headers instead"
        case .emptyHost: "the URL has no host"
        case .port(let text): "\"\(text)\" is no port: write a number from 1 to 65535, or leave out the colon"
        case .ambiguousAddress(let text):
            "\"\(text)\" ends in a number but is no IPv4 address of four decimal numbers from 0 to 255 "
                + "without leading zeros"
        case .badIPv6(let text):
            "\"\(text)\" is no host: an IPv6 address stands in brackets, such as [2001:db8::1]:8443"
        case .zoneID: "an IPv6 zone id (%) can't be used in a webhook's URL"
        case .nonASCIIHost:
            "the host name has characters beyond ASCII: give an internationalized name in its A-label form, xn--…"
        case .badLabel(let label):
            "\"\(label)\" is no part of a host name: 1 to 63 letters, digits, hyphens (not first or last) "
                + "and underscores"
        case .hostTooLong(let count): "the host name has \(count) bytes; at most 253 are allowed"
        case .controlCharacter(let byte): "the URL has a control character at byte \(byte)"
        case .space(let byte): "the URL has a space at byte \(byte); write %20"
        case .backslash(let byte): "the URL has a backslash at byte \(byte); write / or %5C"
        case .nonASCII(let byte):
            "the URL has a character beyond ASCII at byte \(byte); percent-encode its UTF-8 bytes"
        case .fragment: "the URL must not have a fragment (#…); it would never be sent"
        case .percentEncoding(let byte): "the % at byte \(byte) is not followed by two hexadecimal digits"
        case .unsafeCharacter(let character, let byte):
            "the URL has a \(character) at byte \(byte), which must be percent-encoded"
        }
    }
}
