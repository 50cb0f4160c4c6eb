import ArgumentParser
import RelayCore

/// Where a receiver's secrets come from: `--secret-file`, or `--secret` for trying things out.
struct SecretOptions: ParsableArguments {
    @Option(
        name: .customLong("secret-file"),
        help: ArgumentHelp(
            "A file with the webhook's secret; \"-\" is standard input.",
            discussion: "Several lines are several secrets, as during a rotation.", valueName: "file"))
    var file: String?

    @Option(
        name: .customLong("secret"),
        help: ArgumentHelp(
            "The secret itself, to try things out: other users of this machine can see it.", valueName: "whsec_…"))
    var texts: [String] = []

    @Option(
        name: .customLong("signature-header"),
        help: ArgumentHelp("The header with the body's signature (signing.header).", valueName: "name"))
    var bodyHeader = SignatureVerifier.defaultBodyHeader

    /// Whether any was named.
    var isGiven: Bool { file != nil || !texts.isEmpty }

    /// The secrets, at least one.
    func secrets() throws -> [WebhookSecret] {
        var lines = texts
        if let file {
            let bytes = try FileInput.wholeFile(file, bytesMax: SecretOptions.fileBytesMax)
            lines += String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        }
        let secrets = try lines.map(trimmed).filter { !$0.isEmpty }.map { (text) throws(SecretFormatProblem) in
            try SecretFormatProblem.parse(text)
        }
        guard !secrets.isEmpty else { throw SecretFormatProblem.empty }
        return secrets
    }

    private static let fileBytesMax = 64 * 1024

    private func trimmed(_ text: String) -> String {
        var part = text[...]
        while part.first?.isWhitespace == true { part.removeFirst() }
        while part.last?.isWhitespace == true { part.removeLast() }
        return String(part)
    }
}

/// Why a text is no webhook secret. Never repeats the text.
enum SecretFormatProblem: Error, Equatable, CustomStringConvertible {
    case empty
    case prefix
    case base64(characters: Int)

    static func parse(_ text: String) throws(SecretFormatProblem) -> WebhookSecret {
        guard !text.isEmpty else { throw .empty }
        guard text.hasPrefix(WebhookSecret.prefix) else { throw .prefix }
        let rest = text.dropFirst(WebhookSecret.prefix.count)
        guard let secret = WebhookSecret(text) else { throw .base64(characters: rest.utf8.count) }
        return secret
    }

    var description: String {
        switch self {
        case .empty: "there is no secret"
        case .prefix: "the secret does not begin with \"whsec_\": the whole text is needed, that prefix included"
        case .base64(let characters):
            "what follows \"whsec_\" in the secret (\(characters) characters) is not standard base64 with its padding; "
                + "32 bytes have 44 characters and end in \"=\""
        }
    }
}
