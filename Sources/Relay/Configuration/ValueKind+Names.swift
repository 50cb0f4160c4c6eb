internal import RelayCore

extension ValueKind where Value == String {
    private static let eventTypeBytesMax = 128

    /// An event type beyond the built-in ones: `[a-z0-9_-]+(\.[a-z0-9_-]+)+`, at most 128 bytes.
    static var extraEventType: ValueKind {
        text.checked { text throws(ValueError) in
            let segments = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            let isWellFormed =
                segments.count >= 2
                && segments.allSatisfy { segment in
                    !segment.isEmpty && segment.allSatisfy { isEventTypeByte($0) }
                }
            guard isWellFormed else {
                throw ValueError(
                    "\"\(text)\" is no event type: write at least two parts of a-z, 0-9, _ and - with dots between")
            }
            guard text.utf8.count <= eventTypeBytesMax else {
                throw ValueError("\"\(text)\" has \(text.utf8.count) bytes; at most \(eventTypeBytesMax) are allowed")
            }
            if text.hasPrefix("webhook.") || text.hasPrefix("delivery.") {
                throw ValueError("\"\(text)\" is reserved: webhook.… and delivery.… are Hookline's own events")
            }
            if EventCatalogue.builtIn.contains(text) { throw ValueError("\"\(text)\" is a built-in event type") }
        }
    }

    private static func isEventTypeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The longest header name, in bytes; receivers' servers take at least this.
    private static let headerBytesMax = 128

    /// Headers that deliveries or the HTTP connection set themselves (RFC 9110 section 7.6.1), in lower case.
    private static let reservedHeaders: Set<String> = [
        "content-type", "content-length", "content-encoding", "user-agent", "webhook-id", "webhook-timestamp",
        "webhook-signature", "host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    ]

    /// The name of the signature's header: a token (RFC 9110 section 5.6.2) that nothing else needs.
    static var signatureHeader: ValueKind {
        text.checked { text throws(ValueError) in
            guard !text.isEmpty, text.utf8.allSatisfy({ isTokenByte($0) }) else {
                throw ValueError("\"\(text)\" is no header name: letters, digits and !#$%&'*+-.^_`|~")
            }
            guard text.utf8.count <= headerBytesMax else {
                throw ValueError("has \(text.utf8.count) bytes; at most \(headerBytesMax) are allowed")
            }
            if reservedHeaders.contains(text.lowercased()) {
                throw ValueError("\"\(text)\" is a header that deliveries need for something else")
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension ValueKind where Value == [String] {
    /// The same list, refused when it names something twice.
    var withoutRepetitions: ValueKind {
        checked { names throws(ValueError) in
            var seen: Set<String> = []
            for name in names where !seen.insert(name).inserted {
                throw ValueError("\"\(name)\" is named twice")
            }
        }
    }
}
