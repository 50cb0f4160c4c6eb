import RelayCore

/// The webhook's own header fields, and its secret.
extension WebhookFields {
    /// Bytes of key that a secret may stand for (Standard Webhooks 1.0.0, "Signature scheme").
    static let secretBytes = 24...64

    mutating func secret(_ value: JSONValue) -> WebhookSecret? {
        guard let text = value.stringValue else { return wrongKind("secret", "a string", value) }
        guard let secret = WebhookSecret(text), Self.secretBytes.contains(secret.standardKey.count) else {
            // The text itself is never repeated: answers and logs hold no secrets.
            let bytes = Self.secretBytes
            fault(
                "secret",
                "must be \(WebhookSecret.prefix) and the base64 of \(bytes.lowerBound) to \(bytes.upperBound) bytes")
            return nil
        }
        return secret
    }

    mutating func headers(_ value: JSONValue) -> [HeaderField]? {
        guard let object = value.objectValue else {
            return wrongKind("headers", "an object of names and texts", value)
        }
        if object.members.count > Limits.headersPerWebhook {
            fault("headers", "must be at most \(Limits.headersPerWebhook)")
        }
        let fields = object.members.compactMap { header($0.name, $0.value) }
        let bytes = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        if bytes > Limits.headerBytesPerWebhook {
            fault("headers", "must have at most \(Limits.headerBytesPerWebhook) bytes in all, and have \(bytes)")
        }
        var names: Set<String> = []
        for field in fields where !names.insert(field.name.lowercased()).inserted {
            fault("headers", "has \"\(field.name)\" twice: case does not matter")
        }
        return fields
    }

    private mutating func header(_ name: String, _ value: JSONValue) -> HeaderField? {
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenCharacter) else {
            fault("headers", "has \"\(name)\", which can't be the name of a header field")
            return nil
        }
        guard !rules.reservedHeaders.contains(name.lowercased()) else {
            fault("headers", "has \"\(name)\", which deliveries set themselves")
            return nil
        }
        guard let text = value.stringValue else {
            fault("headers", "has \"\(name)\", whose value must be a string, not \(value.kind)")
            return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            fault("headers", "has \"\(name)\", whose value contains a control character")
            return nil
        }
        guard text.unicodeScalars.first != " ", text.unicodeScalars.last != " " else {
            fault("headers", "has \"\(name)\", whose value begins or ends with a space")
            return nil
        }
        return HeaderField(name: name, value: text)
    }

    /// `tchar`, RFC 9110 section 5.6.2.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
