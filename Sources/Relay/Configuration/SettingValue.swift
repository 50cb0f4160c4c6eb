internal import TOMLKit

/// A value as the file or the environment gives it, before a setting has judged it.
indirect enum SettingValue: Equatable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([SettingValue])
    case table([String: SettingValue])
    /// A TOML type that no setting takes, by name.
    case unsupported(String)
    /// An environment variable: one text for every type; the setting's type decides how it is read.
    case environment(String)

    /// Copies a TOML table out of the parser's memory.
    static func members(of table: TOMLTable) -> [String: SettingValue] {
        var members: [String: SettingValue] = [:]
        for key in table.keys {
            if let node = table[key] { members[key] = SettingValue(node) }
        }
        return members
    }

    private init(_ node: any TOMLValueConvertible) {
        if let text = node.string {
            self = .string(text)
        } else if let number = node.int {
            self = .integer(number)
        } else if let boolean = node.bool {
            self = .boolean(boolean)
        } else if let array = node.array {
            self = .array(array.map { SettingValue($0) })
        } else if let table = node.table {
            self = .table(Self.members(of: table))
        } else {
            self = .unsupported(node.type.description)
        }
    }

    /// The type's name in messages, with its article.
    var typeName: String {
        switch self {
        case .string, .environment: "a string"
        case .integer: "an integer"
        case .boolean: "a boolean"
        case .array: "an array"
        case .table: "a table"
        case .unsupported(let name): "a \(name)"
        }
    }
}
