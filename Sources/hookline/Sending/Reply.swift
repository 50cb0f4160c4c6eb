/// One reply line of the relay (`{"ok":…}`).
enum Reply: Equatable {
    case accepted(isDuplicate: Bool)
    case refused(Refusal)

    struct Refusal: Equatable {
        /// The error's code, such as `invalid_json`.
        let error: String
        let message: String
        /// How long to wait before sending the line again; nil if that would change nothing.
        let retryAfter: Duration?
    }

    /// Nil if it is not a reply.
    init?(_ line: UnsafeRawBufferPointer) {
        guard let object = ObjectScanner(line), let ok = object.value(of: "ok") else { return nil }
        if object.isValue(ok, "true") {
            self = .accepted(isDuplicate: object.isValue(object.value(of: "duplicate"), "true"))
            return
        }
        guard object.isValue(ok, "false") else { return nil }
        var retryAfter: Duration?
        if let range = object.value(of: "retryAfterMs"),
            let milliseconds = Int64(String(decoding: line[range], as: UTF8.self)), milliseconds >= 0
        {
            // A minute is the longest that a wrong answer may hold us up.
            retryAfter = .milliseconds(min(milliseconds, 60_000))
        }
        self = .refused(
            Refusal(error: object.text(of: "error"), message: object.text(of: "message"), retryAfter: retryAfter))
    }
}
