/// A line of a screen: pieces of text with their looks, whose width is known whatever codes they are shown with.
struct ScreenLine: Equatable, Sendable {
    enum Look: Equatable, Sendable {
        case plain, bold, dim, red, green, yellow, cyan, marked
    }

    struct Piece: Equatable, Sendable {
        var text: String
        var look: Look
    }

    private(set) var pieces: [Piece] = []

    init() {}

    init(_ text: String, _ look: Look = .plain) {
        add(text, look)
    }

    /// Adds text; what could move the cursor or turn text around is shown, not obeyed.
    mutating func add(_ text: String, _ look: Look = .plain) {
        guard !text.isEmpty else { return }
        pieces.append(Piece(text: PrintableText.of(text), look: look))
    }

    mutating func add(_ line: ScreenLine) { pieces += line.pieces }

    var text: String { pieces.map(\.text).joined() }
    var width: Int { pieces.reduce(0) { $0 + TextWidth.of($1.text) } }

    /// With spaces behind it, up to a width.
    func padded(to width: Int) -> ScreenLine {
        var line = self
        line.add(String(repeating: " ", count: max(0, width - self.width)))
        return line
    }

    /// The line, or its beginning and an ellipsis, in at most so many columns.
    func clipped(to width: Int) -> ScreenLine {
        guard self.width > width else { return self }
        guard width > 0 else { return ScreenLine() }
        var line = ScreenLine()
        var rest = width - 1
        for piece in pieces {
            let columns = TextWidth.of(piece.text)
            guard columns > rest else {
                line.pieces.append(piece)
                rest -= columns
                continue
            }
            // Something is left out here or behind it, so an ellipsis is due even where the piece would just fit.
            line.pieces.append(Piece(text: TextWidth.clip(piece.text + "…", to: rest + 1), look: piece.look))
            break
        }
        return line
    }

    /// As it is written to a terminal.
    func rendered(_ style: TextStyle) -> String {
        pieces.map { piece in
            switch piece.look {
            case .plain: piece.text
            case .bold: style.bold(piece.text)
            case .dim: style.dim(piece.text)
            case .red: style.red(piece.text)
            case .green: style.green(piece.text)
            case .yellow: style.yellow(piece.text)
            case .cyan: style.cyan(piece.text)
            case .marked: style.marked(piece.text)
            }
        }.joined()
    }
}
