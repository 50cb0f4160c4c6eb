/// One reason why a delivery can't be trusted, in words that say what to look at.
enum SignatureProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// Neither of the two signature headers is there. The value is the name of the body signature's header.
    case noSignature(bodyHeader: String)
    /// `webhook-signature` is there, but a header that it covers is not.
    case missingHeader(String)
    case repeatedHeader(String)
    case malformed(header: String, reason: String)
    /// Seconds by which the timestamp is older than the receiver's clock.
    case tooOld(seconds: Int64)
    /// Seconds by which the timestamp is ahead of the receiver's clock.
    case tooNew(seconds: Int64)
    /// The header's signature was not made of this body with any of the given secrets.
    case mismatch(header: String, hint: String?)

    var description: String {
        switch self {
        case .noSignature(let bodyHeader):
            "no signature: neither \(bodyHeader) nor webhook-signature is there"
        case .missingHeader(let name):
            "\(name) is missing, and webhook-signature covers it"
        case .repeatedHeader(let name):
            "\(name) is there more than once"
        case .malformed(let header, let reason):
            "\(header) is malformed: \(reason)"
        case .tooOld(let seconds):
            "webhook-timestamp is \(seconds) s old; more than \(SignatureVerifier.toleranceSeconds) s may be a replay"
        case .tooNew(let seconds):
            "webhook-timestamp is \(seconds) s ahead of this machine's clock; at most "
                + "\(SignatureVerifier.toleranceSeconds) s are allowed"
        case .mismatch(let header, let hint):
            "\(header) does not match: other secret, or the body is not the bytes that were sent"
                + (hint.map { " (\($0))" } ?? "")
        }
    }
}

/// What a verification found out.
enum SignatureVerdict: Equatable, Sendable {
    /// All signatures that are there match; the names of their headers.
    case valid(headers: [String])
    /// Every reason that was found, at least one.
    case invalid([SignatureProblem])

    var isValid: Bool {
        if case .valid = self { true } else { false }
    }
}

extension SignatureProblem {
    /// Whether a signature was compared and differs.
    var isMismatch: Bool {
        if case .mismatch = self { true } else { false }
    }
}
