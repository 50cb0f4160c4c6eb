import Foundation

/// A JSON value to look around in.
@dynamicMemberLookup
struct JSON: CustomStringConvertible {
    private let value: Any?

    private init(value: Any?) {
        self.value = value
    }

    init(_ bytes: [UInt8]) throws {
        do {
            value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        } catch {
            throw Unmet("no JSON: \(String(decoding: bytes.prefix(500), as: UTF8.self))")
        }
    }

    init(_ text: String) throws { try self.init(Array(text.utf8)) }

    subscript(dynamicMember name: String) -> JSON { self[name] }
    subscript(name: String) -> JSON { JSON(value: (value as? [String: Any])?[name]) }
    subscript(index: Int) -> JSON { JSON(value: array.indices.contains(index) ? array[index].value : nil) }

    var string: String? { value as? String }
    var int: Int? { (value as? NSNumber)?.intValue }
    var double: Double? { (value as? NSNumber)?.doubleValue }
    var bool: Bool? { value as? Bool }
    var array: [JSON] { (value as? [Any])?.map { JSON(value: $0) } ?? [] }
    var strings: [String] { array.compactMap(\.string) }
    var names: Set<String> { Set((value as? [String: Any])?.keys.map { $0 } ?? []) }
    var isThere: Bool { value != nil }
    var isNull: Bool { value is NSNull }

    var description: String { value.map { "\($0)" } ?? "nothing" }
}

/// A JSON string with its quotes.
func quoted(_ text: String) -> String {
    let data = try? JSONSerialization.data(withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
