/// Pieces of JSON Schema 2020-12, the dialect of OpenAPI 3.1.
enum Schema {
    /// A component of the document.
    static func reference(_ kind: String, _ name: String) -> JSONValue {
        ["$ref": .string("#/components/\(kind)/\(name)")]
    }

    /// A schema that the document names.
    static func named(_ name: String) -> JSONValue { reference("schemas", name) }

    static func string(_ text: String = "", pattern: String? = nil, max: Int? = nil, format: String? = nil) -> JSONValue
    {
        var members: [(String, JSONValue)] = [("type", "string")]
        if let pattern { members.append(("pattern", .string(pattern))) }
        if let max { members.append(("maxLength", .count(max))) }
        if let format { members.append(("format", .string(format))) }
        return described(.object(JSONObject(members)), text)
    }

    static func choice(_ values: [String], _ text: String = "") -> JSONValue {
        described(["type": "string", "enum": .array(values.map { .string($0) })], text)
    }

    static func integer(_ text: String = "", _ range: ClosedRange<Int64>? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [("type", "integer")]
        // Counts are never below 0.
        members.append(("minimum", .integer(range?.lowerBound ?? 0)))
        if let range { members.append(("maximum", .integer(range.upperBound))) }
        return described(.object(JSONObject(members)), text)
    }

    static func boolean(_ text: String = "") -> JSONValue { described(["type": "boolean"], text) }

    static func moment(_ text: String = "") -> JSONValue { string(text, format: "date-time") }

    static func array(_ items: JSONValue, _ text: String = "", _ counts: ClosedRange<Int>? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = [("type", "array"), ("items", items)]
        if let counts {
            if counts.lowerBound > 0 { members.append(("minItems", .count(counts.lowerBound))) }
            members.append(("maxItems", .count(counts.upperBound)))
        }
        return described(.object(JSONObject(members)), text)
    }

    /// Null, or what the schema says.
    static func orNull(_ schema: JSONValue) -> JSONValue {
        guard case .object(var object) = schema, let type = object["type"], object["enum"] == nil else {
            return ["anyOf": [schema, ["type": "null"]]]
        }
        object["type"] = [type, "null"]
        return .object(object)
    }

    /// An object.
    ///
    /// - Parameters:
    ///   - required: nil: all of them
    ///   - isClosed: whether it must have no others. Requests are; answers may get more in later versions.
    static func object(
        _ properties: [(String, JSONValue)], required: [String]? = nil, isClosed: Bool = false, _ text: String = ""
    ) -> JSONValue {
        let required = required ?? properties.map(\.0)
        var members: [(String, JSONValue)] = [
            ("type", "object"), ("properties", .object(JSONObject(properties))),
        ]
        if !required.isEmpty { members.append(("required", .array(required.map { .string($0) }))) }
        if isClosed { members.append(("additionalProperties", false)) }
        return described(.object(JSONObject(members)), text)
    }

    /// A list's page.
    static func page(of name: String) -> JSONValue {
        object([
            ("data", array(named(name))),
            ("nextCursor", orNull(string("Asks for the next page as `cursor`; null: this is the last one."))),
        ])
    }

    static func described(_ schema: JSONValue, _ text: String) -> JSONValue {
        guard !text.isEmpty, case .object(var object) = schema else { return schema }
        object["description"] = .string(text)
        return .object(object)
    }
}
