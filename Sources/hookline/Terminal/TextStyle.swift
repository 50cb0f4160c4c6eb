/// Colours and weights (ECMA-48, "SGR"), or none of them.
struct TextStyle: Sendable {
    let isEnabled: Bool

    /// Styled on a terminal that is not "dumb", unless `NO_COLOR` is set (https://no-color.org).
    static func forDescriptor(_ descriptor: Int32) -> TextStyle {
        TextStyle(
            isEnabled: Console.isTerminal(descriptor) && Console.environment("NO_COLOR") == nil
                && Console.environment("TERM") != "dumb")
    }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }
    func red(_ text: String) -> String { wrap(text, "31") }
    func green(_ text: String) -> String { wrap(text, "32") }
    func yellow(_ text: String) -> String { wrap(text, "33") }
    func cyan(_ text: String) -> String { wrap(text, "36") }

    func marked(_ text: String) -> String { wrap(text, "1;7") }

    private func wrap(_ text: String, _ code: String) -> String {
        isEnabled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// With spaces behind it, up to a number of columns.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - TextWidth.of(self)))
    }

    /// With spaces before it, up to a number of columns.
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - TextWidth.of(self))) + self
    }
}
