import Glibc

/// The terminal that standard output goes to.
enum Screen {
    /// Columns of a line; nil if standard output is no terminal, or one that doesn't say. `COLUMNS` in the environment
    /// narrows it, for those who want that.
    static var width: Int? {
        guard let size else { return nil }
        return Console.environment("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? min($0, size.columns) : nil }
            ?? size.columns
    }

    /// Columns and lines (tty_ioctl(4)).
    static var size: (columns: Int, lines: Int)? { size(of: STDOUT_FILENO) }

    /// Columns of the terminal behind a descriptor; nil as above.
    static func width(of descriptor: Int32) -> Int? { size(of: descriptor)?.columns }

    private static func size(of descriptor: Int32) -> (columns: Int, lines: Int)? {
        var size = winsize()
        guard Console.isTerminal(descriptor), ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return nil }
        return (Int(size.ws_col), max(1, Int(size.ws_row)))
    }
}
