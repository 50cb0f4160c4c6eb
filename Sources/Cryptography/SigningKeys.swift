package import RelayCore

/// A secret's two keys, ready to sign deliveries.
package struct SigningKeys: Sendable {
    private let whole: HMACKey
    private let standard: HMACKey

    package init(_ secret: WebhookSecret) {
        whole = HMACKey(secret.wholeKey)
        standard = HMACKey(secret.standardKey)
    }

    /// Appends lower-case hex of the HMAC-SHA256 of the body: the value of `X-HiresScope-Signature`.
    package func appendBodySignature(of body: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: HMACKey.digestBytes, alignment: 8) { digest in
            var message = whole.begin()
            message.update(body)
            message.finish(into: digest)
            Hexadecimal.append(UnsafeRawBufferPointer(digest), to: &text)
        }
    }

    /// Appends `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`: one entry of `webhook-signature`
    /// (Standard Webhooks 1.0.0).
    package func appendStandardSignature(
        id: UnsafeRawBufferPointer, timestamp: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer,
        to text: inout [UInt8]
    ) {
        let dot: StaticString = "."
        let separator = UnsafeRawBufferPointer(start: dot.utf8Start, count: 1)
        withUnsafeTemporaryAllocation(byteCount: HMACKey.digestBytes, alignment: 8) { digest in
            var message = standard.begin()
            message.update(id)
            message.update(separator)
            message.update(timestamp)
            message.update(separator)
            message.update(body)
            message.finish(into: digest)
            text.append(contentsOf: "v1,".utf8)
            Base64.encode(UnsafeRawBufferPointer(digest), into: &text)
        }
    }
}
