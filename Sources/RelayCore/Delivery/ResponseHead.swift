/// The head of a final response (RFC 9112 section 4): what it decides and what is kept of its fields.
package struct ResponseHead: Equatable, Sendable {
    /// 100...999; those of 600 and above mean nothing and are failures like 500 (RFC 9110 section 15).
    package let status: UInt16
    /// The fields that say something about deliveries.
    package let fields: ResponseFields

    package init(status: UInt16, fields: ResponseFields = ResponseFields()) {
        self.status = status
        self.fields = fields
    }

    package var isSuccess: Bool { (200...299).contains(status) }
    package var isRedirect: Bool { (300...399).contains(status) }
}

/// Those of a response's header fields that somebody asks for: the others cost nothing.
package struct ResponseFields: Equatable, Sendable {
    /// What is kept, in lower case.
    package static let kept = ["retry-after", "webhook-delivery"]

    /// The longest value that is kept; a longer one is none of these.
    static let valueBytesMax = 256

    private var entries: [Entry] = []

    private struct Entry: Equatable, Sendable {
        let name: String
        let value: String
    }

    package init() {}

    /// The value of the first field of that name.
    ///
    /// - Parameter name: one of ``kept``.
    package func first(name: String) -> String? { entries.first { $0.name == name }?.value }

    /// The values of all fields of that name, in their order.
    ///
    /// - Parameter name: one of ``kept``.
    package subscript(name: String) -> [String] { entries.filter { $0.name == name }.map(\.value) }

    mutating func add(_ name: String, _ value: String) { entries.append(Entry(name: name, value: value)) }
}
