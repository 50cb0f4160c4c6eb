/// Why a line was not accepted: the reply's `error`.
package enum RefusalCode: String, Sendable, CaseIterable {
    case invalidJSON = "invalid_json"
    case invalidUTF8 = "invalid_utf8"
    case lineTooLong = "line_too_long"
    case truncated
    case missingField = "missing_field"
    case invalidField = "invalid_field"
    case unknownField = "unknown_field"
    case duplicateField = "duplicate_field"
    case unknownEvent = "unknown_event"
    case idConflict = "id_conflict"
    case forbidden
    case backlogFull = "backlog_full"
    case storageError = "storage_error"
    case shuttingDown = "shutting_down"
}

/// A refused line: the code, a sentence for its sender, and what the reply adds.
package struct Refusal: Error, Equatable, Sendable {
    package let code: RefusalCode
    package let message: String
    /// The event's own id, where the line had a valid one.
    package var id: String?
    /// When it is worth sending the line again; with `backlog_full`, `storage_error` and `shutting_down`.
    package var retryAfterMilliseconds: Int?

    package init(_ code: RefusalCode, _ message: String, id: String? = nil, retryAfterMilliseconds: Int? = nil) {
        self.code = code
        self.message = message
        self.id = id
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}
