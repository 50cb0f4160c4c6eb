/// How one type of setting is read, from the file's value or from an environment variable's text.
struct ValueKind<Value: Sendable>: Sendable {
    /// Reads a value. Appends one reason for each thing that is wrong, and then answers nil.
    let read: @Sendable (SettingValue, inout [String]) -> Value?

    /// A kind whose value is right or wrong as a whole.
    init(single read: @escaping @Sendable (SettingValue) throws(ValueError) -> Value) {
        self.read = { value, reasons in
            do throws(ValueError) {
                return try read(value)
            } catch {
                reasons.append(error.reason)
                return nil
            }
        }
    }

    private init(read: @escaping @Sendable (SettingValue, inout [String]) -> Value?) {
        self.read = read
    }

    /// A kind with one more check of a value that is right so far.
    func checked(_ check: @escaping @Sendable (Value) throws(ValueError) -> Void) -> ValueKind {
        ValueKind { value, reasons in
            guard let result = read(value, &reasons) else { return nil }
            do throws(ValueError) {
                try check(result)
            } catch {
                reasons.append(error.reason)
                return nil
            }
            return result
        }
    }

    /// An array of this kind; in the environment a comma-separated list, empty for none.
    ///
    /// - Parameter countMax: The most elements.
    func list(countMax: Int) -> ValueKind<[Value]> {
        ValueKind<[Value]> { value, reasons in
            let elements: [SettingValue]
            switch value {
            case .array(let array): elements = array
            case .environment(let text): elements = Self.split(text).map { .environment($0) }
            default:
                reasons.append("needs an array, not \(value.typeName)")
                return nil
            }
            guard elements.count <= countMax else {
                reasons.append("has \(elements.count) entries; at most \(countMax) are allowed")
                return nil
            }
            var results: [Value] = []
            for element in elements {
                if let result = read(element, &reasons) { results.append(result) }
            }
            return results.count == elements.count ? results : nil
        }
    }

    private static func split(_ text: String) -> [String] {
        if text.allSatisfy({ $0 == " " }) { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let trimmed = part.drop { $0 == " " }
            guard let last = trimmed.lastIndex(where: { $0 != " " }) else { return "" }
            return String(trimmed[...last])
        }
    }
}

/// Why a value will not do: a phrase to stand after the key.
struct ValueError: Error, Equatable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension ValueError {
    /// A value of the wrong type.
    static func type(needed: String, found: SettingValue) -> ValueError {
        ValueError("needs \(needed), not \(found.typeName)")
    }
}
