import Glibc

/// A terminal taken over whole: the alternate screen, without echo and line editing (termios(3), ECMA-48, and the private
/// modes of xterm that others have too). It is given back as it was on every way out, a crash among them.
final class RawTerminal {
    /// How the terminal was, for the signal handler. Written once before the handler is set, and only read from then on.
    nonisolated(unsafe) private static let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)

    /// The alternate screen with its cursor hidden, and lines that don't wrap.
    private static let entering = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[H\u{1B}[2J"
    /// Written by a signal handler too: bytes that are there from the start.
    private static let leaving: StaticString = "\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

    private static let crashes = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    private var shown: [String] = []
    private var isEntered = false

    /// Takes the terminal over: standard input and output must be one.
    init() throws(SystemProblem) {
        guard tcgetattr(STDIN_FILENO, Self.saved) == 0 else { throw SystemProblem("read the terminal's settings") }
        for number in Self.crashes {
            signal(number) { number in
                tcsetattr(STDIN_FILENO, TCSANOW, RawTerminal.saved)
                _ = Glibc.write(STDOUT_FILENO, RawTerminal.leaving.utf8Start, RawTerminal.leaving.utf8CodeUnitCount)
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        try enter()
    }

    func enter() throws(SystemProblem) {
        guard !isEntered else { return }
        var raw = Self.saved.pointee
        cfmakeraw(&raw)
        guard tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 else { throw SystemProblem("set the terminal up") }
        isEntered = true
        shown = []
        Console.write(Array(Self.entering.utf8), to: STDOUT_FILENO)
    }

    /// Gives it back. Where it has gone away, nothing is left to be done.
    func leave() {
        guard isEntered else { return }
        isEntered = false
        Console.write(Array("\(Self.leaving)".utf8), to: STDOUT_FILENO)
        tcsetattr(STDIN_FILENO, TCSANOW, Self.saved)
    }

    /// Has the next drawing draw all lines.
    func forget() { shown = [] }

    /// Shows lines, from the first one on: only those that have changed are written.
    ///
    /// - Returns: false if the terminal has gone away.
    func draw(_ lines: [String]) -> Bool {
        var text = shown.isEmpty ? "\u{1B}[0m\u{1B}[2J" : ""
        for (index, line) in lines.enumerated() where !shown.indices.contains(index) || shown[index] != line {
            // Erased before: in the last column the cursor stays on what was written there.
            text += "\u{1B}[\(index + 1);1H\u{1B}[K\(line)\u{1B}[0m"
        }
        if shown.count > lines.count { text += "\u{1B}[\(lines.count + 1);1H\u{1B}[J" }
        shown = lines
        return Self.write(Array(text.utf8))
    }

    private static func write(_ bytes: [UInt8]) -> Bool {
        let output = OutputStream()
        do throws(OutputStream.Failure) {
            try output.write { $0 += bytes }
            try output.flush()
            return true
        } catch {
            return false
        }
    }
}
