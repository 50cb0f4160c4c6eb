/// What is wrong with one field of a request.
package struct FieldError: Equatable, Sendable {
    /// The member's name; empty for the body as a whole.
    package let field: String
    /// A sentence's end, for people: "must be a string, not a number".
    package let message: String

    package init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }
}

/// Everything that is wrong with a request's fields.
package struct InvalidFields: Error, Equatable {
    package let errors: [FieldError]
}
