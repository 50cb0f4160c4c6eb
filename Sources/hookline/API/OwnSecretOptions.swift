import ArgumentParser
import RelayCore

/// A secret that a webhook is to sign with, brought along.
struct OwnSecretOptions: ParsableArguments {
    @Option(
        name: .customLong("secret-file"),
        help: ArgumentHelp(
            "A file with the secret to sign with; \"-\" is standard input. Default: a new one is made.",
            valueName: "file"))
    var file: String?

    @Option(
        name: .customLong("secret"),
        help: ArgumentHelp(
            "The secret itself, to try things out: other users of this machine can see it.",
            valueName: "whsec_…"))
    var text: String?

    func validate() throws {
        guard text == nil || file == nil else { throw ValidationError("Give --secret or --secret-file, not both.") }
    }

    /// The secret that was given; nil if one is to be made.
    func read() throws -> String? {
        do {
            if let text { return try SecretFormatProblem.parse(text).text }
            guard let file else { return nil }
            let words = String(decoding: try FileInput.wholeFile(file, bytesMax: 4096), as: UTF8.self)
                .split(whereSeparator: \.isWhitespace)
            // Which of several is meant nobody can know.
            guard words.count <= 1 else { throw SeveralSecrets(file: file) }
            return try SecretFormatProblem.parse(String(words.first ?? "")).text
        } catch {
            Console.note("hookline: \(error)")
            throw ExitStatus.usage
        }
    }

    private struct SeveralSecrets: Error, CustomStringConvertible {
        let file: String

        var description: String {
            "\(file == "-" ? "standard input" : file) holds more than one secret: a webhook signs with one"
        }
    }
}
