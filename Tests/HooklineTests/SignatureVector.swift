import FoundationEssentials

@testable import hookline

/// One worked example of `Tests/Fixtures/signature-vectors.json`.
struct SignatureVector: Decodable, Sendable, CustomStringConvertible {
    let secret: String
    let id: String
    let timestamp: Int64
    let body: String
    let standardSignature: String
    let bodySignature: String

    private enum CodingKeys: String, CodingKey {
        case secret, body
        case id = "webhook-id"
        case timestamp = "webhook-timestamp"
        case standardSignature = "webhook-signature"
        case bodySignature = "x-hiresscope-signature"
    }

    var description: String { id }

    var headers: [(name: String, value: String)] {
        [
            ("Webhook-Id", id), ("webhook-timestamp", "\(timestamp)"), ("webhook-signature", standardSignature),
            ("x-hiresscope-signature", bodySignature),
        ]
    }

    static let all: [SignatureVector] = {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(
            separator: "/")
        do {
            let text = try FileInput.wholeFile(folder + "/Fixtures/signature-vectors.json", bytesMax: 1 << 20)
            return try JSONDecoder().decode([SignatureVector].self, from: Data(text))
        } catch {
            preconditionFailure("the vectors can't be read: \(error)")
        }
    }()
}
