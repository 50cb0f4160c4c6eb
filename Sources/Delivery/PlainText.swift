import Glibc
import NIOCore

/// Text for an administrator's eyes.
enum PlainText {
    /// The beginning of an answer's text on one line.
    static func line(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control ? " " : String(scalar)
        }.joined()
        let words = text.split(separator: " ").joined(separator: " ")
        return words.count > 200 ? words.prefix(200) + "…" : words
    }
}

extension IOError {
    /// NIO's text names the call; the reason alone reads better.
    var plainReason: String { String(cString: strerror(errnoCode)).lowercased() }
}
