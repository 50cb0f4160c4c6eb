extension ValueKind where Value == Int {
    /// A whole number within bounds.
    static func integer(_ bounds: ClosedRange<Int>) -> ValueKind {
        ValueKind { value throws(ValueError) in
            let number: Int
            switch value {
            case .integer(let given): number = given
            case .environment(let text):
                guard let given = Int(text) else { throw ValueError("\"\(text)\" is no whole number") }
                number = given
            default: throw .type(needed: "an integer", found: value)
            }
            guard bounds.contains(number) else {
                throw ValueError("\(number) is out of bounds: \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            return number
        }
    }

    /// A size in bytes within bounds that fit an `Int`.
    static func smallSize(_ bounds: ClosedRange<Int64>) -> ValueKind {
        ValueKind { value throws(ValueError) in Int(try SizeText.read(value, bounds: bounds)) }
    }
}

extension ValueKind where Value == Int64 {
    /// A size in bytes within bounds.
    static func size(_ bounds: ClosedRange<Int64>) -> ValueKind {
        ValueKind { value throws(ValueError) in try SizeText.read(value, bounds: bounds) }
    }
}

extension SizeText {
    /// Reads a whole number of bytes, or a text such as `256KiB`.
    fileprivate static func read(_ value: SettingValue, bounds: ClosedRange<Int64>) throws(ValueError) -> Int64 {
        let size: Int64
        let shown: String
        switch value {
        case .integer(let given):
            size = Int64(given)
            shown = "\(given)"
        case .string(let text), .environment(let text):
            guard let given = parse(text) else {
                throw ValueError("\"\(text)\" is no size: write a number of bytes, or a number and KiB, MiB or GiB")
            }
            size = given
            shown = "\"\(text)\""
        default: throw .type(needed: "a size such as \"256KiB\"", found: value)
        }
        guard bounds.contains(size) else {
            throw ValueError("\(shown) is out of bounds: \(format(bounds.lowerBound)) to \(format(bounds.upperBound))")
        }
        return size
    }
}

extension ValueKind where Value == Duration {
    /// A time such as `15s` within bounds.
    static func duration(_ bounds: ClosedRange<Duration>) -> ValueKind {
        ValueKind { value throws(ValueError) in
            let text: String
            switch value {
            case .string(let given), .environment(let given): text = given
            default: throw .type(needed: "a duration such as \"15s\"", found: value)
            }
            guard let duration = DurationText.parse(text) else {
                throw ValueError("\"\(text)\" is no duration: write a number and ms, s, m, h or d")
            }
            guard bounds.contains(duration) else {
                let lower = DurationText.format(bounds.lowerBound)
                throw ValueError("\"\(text)\" is out of bounds: \(lower) to \(DurationText.format(bounds.upperBound))")
            }
            return duration
        }
    }
}

extension ValueKind where Value == Bool {
    /// True or false.
    static var boolean: ValueKind {
        ValueKind { value throws(ValueError) in
            switch value {
            case .boolean(let given): return given
            case .environment("true"): return true
            case .environment("false"): return false
            case .environment(let text): throw ValueError("\"\(text)\" is neither true nor false")
            default: throw .type(needed: "true or false", found: value)
            }
        }
    }
}

extension ValueKind where Value == String {
    /// Any text without control characters.
    static var text: ValueKind {
        ValueKind { value throws(ValueError) in
            switch value {
            case .string(let given), .environment(let given):
                guard given.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                    throw ValueError("must not hold control characters")
                }
                return given
            default: throw .type(needed: "a string", found: value)
            }
        }
    }

    /// One of a few words.
    static func word(_ words: [String]) -> ValueKind {
        text.checked { text throws(ValueError) in
            guard words.contains(text) else {
                throw ValueError("\"\(text)\" is unknown: write one of \(words.joined(separator: ", "))")
            }
        }
    }
}
