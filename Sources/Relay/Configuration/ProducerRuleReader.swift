internal import RelayCore

/// Reads one `[[producers]]` table.
struct ProducerRuleReader {
    /// Something wrong: the key in the table (nil: the table itself), and why.
    struct Problem: Equatable {
        let key: String?
        let reason: String
    }

    private static let keys = ["user", "uid", "group", "tenants", "events"]
    /// The largest user id; 2^32 - 1 means "no id" (chown(2)).
    private static let uidMax = Int(UInt32.max) - 1

    private(set) var problems: [Problem] = []

    /// Reads a rule; nil when there are problems.
    mutating func read(_ value: SettingValue) -> Configuration.ProducerRule? {
        guard case .table(let members) = value else {
            problems.append(Problem(key: nil, reason: "needs a table, not \(value.typeName)"))
            return nil
        }
        for key in members.keys.sorted() where !Self.keys.contains(key) {
            let hint = Suggestion.phrase(for: key, among: Self.keys)
            problems.append(Problem(key: key, reason: "unknown key\(hint)"))
        }
        if ["user", "uid", "group"].count(where: { members[$0] != nil }) != 1 {
            problems.append(Problem(key: nil, reason: "needs exactly one of user, uid and group"))
        }
        let user = read("user", in: members, .accountName)
        let uid = read("uid", in: members, .integer(0...Self.uidMax))
        let group = read("group", in: members, .accountName)
        if members["tenants"] == nil {
            problems.append(
                Problem(key: nil, reason: "needs tenants: a list of tenant ids, or [\"*\"] for all"))
        }
        let tenants = read("tenants", in: members, ValueKind.tenantOrAll.list(countMax: 100_000).nonEmpty)
        let events = read("events", in: members, ValueKind.eventPattern.list(countMax: 1024).nonEmpty)
        guard problems.isEmpty, let tenants else { return nil }
        return Configuration.ProducerRule(
            user: user, uid: uid.map { UInt32($0) }, group: group, tenants: tenants, events: events ?? ["*"])
    }

    private mutating func read<Value>(
        _ key: String, in members: [String: SettingValue], _ kind: ValueKind<Value>
    ) -> Value? {
        guard let value = members[key] else { return nil }
        var reasons: [String] = []
        let result = kind.read(value, &reasons)
        problems += reasons.map { Problem(key: key, reason: $0) }
        return result
    }
}

extension ValueKind where Value == String {
    /// The name of a user or group, which need not exist.
    fileprivate static var accountName: ValueKind {
        text.checked { text throws(ValueError) in
            guard !text.isEmpty else { throw ValueError("is empty") }
        }
    }

    /// A tenant id, or `*`.
    fileprivate static var tenantOrAll: ValueKind {
        text.checked { text throws(ValueError) in
            guard text == "*" || Identifier.isValid(text) else {
                throw ValueError("\"\(text)\" is neither a tenant id (1 to 64 letters, digits, - and _) nor \"*\"")
            }
        }
    }

    /// An event type or a pattern.
    fileprivate static var eventPattern: ValueKind {
        text.checked { text throws(ValueError) in
            guard EventPattern(text) != nil else {
                throw ValueError("\"\(text)\" is neither an event type nor a pattern such as application.* or *")
            }
        }
    }
}

extension ValueKind where Value == [String] {
    /// The same list, refused when it is empty.
    fileprivate var nonEmpty: ValueKind {
        checked { names throws(ValueError) in
            guard !names.isEmpty else { throw ValueError("names none; the rule would allow nothing") }
        }
    }
}
