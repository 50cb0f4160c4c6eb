/// Which event types a webhook or a producer rule names: one type, all below a prefix (`application.*`), or all (`*`).
package enum EventPattern: Hashable, Sendable, CustomStringConvertible {
    case all
    /// The part before `*`, its dot included.
    case prefix(String)
    case type(String)

    /// Nil if the text is neither `*`, nor a name's segments ending in `.*`, nor a name.
    package init?(_ text: String) {
        if text == "*" {
            self = .all
            return
        }
        let isPrefix = text.hasSuffix(".*")
        let name = isPrefix ? String(text.dropLast(2)) : text
        guard !name.isEmpty, name.utf8.count <= Limits.eventTypeBytes else { return nil }
        let segments = name.split(separator: ".", omittingEmptySubsequences: false)
        let allowed = segments.allSatisfy { segment in
            !segment.isEmpty
                && segment.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
        }
        guard allowed else { return nil }
        self = isPrefix ? .prefix(name + ".") : .type(name)
    }

    /// Whether an event type that a producer sends falls under the pattern. `*` never means operational types.
    package func matches(_ type: String) -> Bool {
        switch self {
        case .all: !EventCatalogue.operational.contains(type)
        case .prefix(let prefix): type.hasPrefix(prefix)
        case .type(let name): type == name
        }
    }

    package var description: String {
        switch self {
        case .all: "*"
        case .prefix(let prefix): prefix + "*"
        case .type(let name): name
        }
    }
}
