import Cryptography
import RelayCore

/// Checks a delivery's signatures as a receiver does: the body's HMAC in `X-HiresScope-Signature`, and Standard
/// Webhooks 1.0.0 in `webhook-signature`.
///
/// Whatever is there must match; at least one must be there. During a rotation the two headers are made with different
/// secrets, so several may be given, and a signature is good if one of them made it.
struct SignatureVerifier: Sendable {
    /// How far `webhook-timestamp` may be from the receiver's clock (Standard Webhooks 1.0.0, "Verifying webhooks").
    static let toleranceSeconds: Int64 = 5 * 60

    static let idHeader = "webhook-id"
    static let timestampHeader = "webhook-timestamp"
    static let standardHeader = "webhook-signature"
    static let defaultBodyHeader = "X-HiresScope-Signature"

    let secrets: [WebhookSecret]
    /// The name of the header with the body's signature: `signing.header` in the relay's configuration.
    var bodyHeader = SignatureVerifier.defaultBodyHeader
    /// Whether a delivery may be of any age, as one from a file is.
    var ignoresTimestamp = false

    /// - Parameters:
    ///   - headers: names in any case, and values, as received.
    ///   - body: the bytes as received.
    ///   - now: Unix seconds.
    func verify(headers: [(name: String, value: String)], body: [UInt8], now: Int64) -> SignatureVerdict {
        var matched: [String] = []
        var problems: [SignatureProblem] = []
        do throws(SignatureProblem) {
            if let value = try single(bodyHeader, in: headers) {
                try checkBodySignature(value, body: body)
                matched.append(bodyHeader)
            }
        } catch {
            problems.append(error)
        }
        do throws(SignatureProblem) {
            if let value = try single(Self.standardHeader, in: headers) {
                try checkStandardSignature(value, headers: headers, body: body, now: now)
                matched.append(Self.standardHeader)
            }
        } catch {
            problems.append(error)
        }
        if matched.isEmpty && problems.isEmpty { return .invalid([.noSignature(bodyHeader: bodyHeader)]) }
        if problems.isEmpty { return .valid(headers: matched) }
        return .invalid(problems.map { explain($0, othersMatch: !matched.isEmpty) })
    }

    // MARK: Schemes

    private func checkBodySignature(_ value: String, body: [UInt8]) throws(SignatureProblem) {
        let claimed = Array(value.utf8)
        let isHexadecimal = claimed.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        guard claimed.count == 2 * HMACKey.digestBytes, isHexadecimal else {
            throw .malformed(header: bodyHeader, reason: "64 lower-case hexadecimal digits are expected")
        }
        let isMatch = secrets.contains { secret in
            var expected: [UInt8] = []
            body.withUnsafeBytes { SigningKeys(secret).appendBodySignature(of: $0, to: &expected) }
            return SecureBytes.areEqual(expected, claimed)
        }
        guard isMatch else { throw .mismatch(header: bodyHeader, hint: nil) }
    }

    private func checkStandardSignature(
        _ value: String, headers: [(name: String, value: String)], body: [UInt8], now: Int64
    ) throws(SignatureProblem) {
        guard let id = try single(Self.idHeader, in: headers) else { throw .missingHeader(Self.idHeader) }
        guard let timestamp = try single(Self.timestampHeader, in: headers) else {
            throw .missingHeader(Self.timestampHeader)
        }
        let claimed = try signatures(in: value)
        let seconds = try seconds(in: timestamp)
        let isMatch = secrets.contains { secret in
            let expected = standardSignature(secret, id: id, timestamp: timestamp, body: body)
            return claimed.contains { SecureBytes.areEqual(expected, $0) }
        }
        guard isMatch else { throw .mismatch(header: Self.standardHeader, hint: nil) }
        // Last, so that a wrong secret is not hidden behind a file's age.
        guard !ignoresTimestamp else { return }
        let age = now - seconds  // Neither is negative.
        if age > Self.toleranceSeconds { throw .tooOld(seconds: age) }
        if age < -Self.toleranceSeconds { throw .tooNew(seconds: -age) }
    }

    private func standardSignature(
        _ secret: WebhookSecret, id: String, timestamp: String, body: [UInt8]
    ) -> [UInt8] {
        var text: [UInt8] = []
        Array(id.utf8).withUnsafeBytes { id in
            Array(timestamp.utf8).withUnsafeBytes { timestamp in
                body.withUnsafeBytes { body in
                    SigningKeys(secret).appendStandardSignature(id: id, timestamp: timestamp, body: body, to: &text)
                }
            }
        }
        return text
    }

    // MARK: Values

    /// The entries of version 1, `v1,` included; those of other versions are for other receivers.
    private func signatures(in value: String) throws(SignatureProblem) -> [[UInt8]] {
        let entries = value.split(separator: " ").filter { $0.hasPrefix("v1,") }
        guard !entries.isEmpty else {
            throw .malformed(header: Self.standardHeader, reason: "no entry begins with \"v1,\"")
        }
        let usable = entries.filter { Base64.decode($0.dropFirst(3))?.count == HMACKey.digestBytes }
        guard !usable.isEmpty else {
            throw .malformed(header: Self.standardHeader, reason: "what follows \"v1,\" is not the base64 of 32 bytes")
        }
        return usable.map { Array($0.utf8) }
    }

    private func seconds(in value: String) throws(SignatureProblem) -> Int64 {
        let isNumber = value.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isNumber, let seconds = Int64(value) else {
            throw .malformed(header: Self.timestampHeader, reason: "Unix seconds are expected")
        }
        return seconds
    }

    /// The value of a header that may be there once; nil without it.
    private func single(
        _ name: String, in headers: [(name: String, value: String)]
    ) throws(SignatureProblem) -> String? {
        let lowercased = name.lowercased()
        let values = headers.filter { $0.name.lowercased() == lowercased }
        guard values.count <= 1 else { throw .repeatedHeader(name) }
        return values.first?.value
    }

    private func explain(_ problem: SignatureProblem, othersMatch: Bool) -> SignatureProblem {
        guard case .mismatch(let header, nil) = problem, othersMatch else { return problem }
        // The other header proves the body, so the secret is what differs.
        let hint =
            header == bodyHeader
            ? "the other signature matches: during a rotation this one is still made with the old secret"
            : "the other signature matches: is the secret the whole text, or were its headers changed on the way?"
        return .mismatch(header: header, hint: hint)
    }
}
