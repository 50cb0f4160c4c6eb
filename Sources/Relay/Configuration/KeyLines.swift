/// The lines on which a TOML document's keys stand, which the parser does not tell.
///
/// It walks over statements (headers and `key = value`) and skips values by their brackets and quotes. It is made for
/// documents that the parser has accepted; of anything else it makes no sense, but no harm either.
struct KeyLines {
    private var lines: [String: Int] = [:]
    private var tables: [String] = []
    private var tableCounts: [String: Int] = [:]
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    /// Reads a whole document.
    init(of text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: "["): readHeader()
            default: readPair()
            }
        }
    }

    /// The line of a key or table, from 1; elements of an array of tables are written `producers[0].user`.
    subscript(path: String) -> Int? { lines[path] }

    private mutating func readHeader() {
        let isArray = bytes[position...].starts(with: [UInt8(ascii: "["), UInt8(ascii: "[")])
        position += isArray ? 2 : 1
        let startLine = line
        tables = readKey(until: UInt8(ascii: "]"))
        position += isArray ? 2 : 1
        if isArray {
            let name = tables.joined(separator: ".")
            let index = tableCounts[name, default: 0]
            tableCounts[name] = index + 1
            record(tables, at: startLine)
            tables[tables.count - 1] += "[\(index)]"
        }
        record(tables, at: startLine)
        skipComment()
    }

    private mutating func readPair() {
        let startLine = line
        let key = readKey(until: UInt8(ascii: "="))
        for length in key.indices { record(tables + key[...length], at: startLine) }
        advance()
        skipValue()
    }

    private mutating func record(_ path: [String], at line: Int) {
        let name = path.joined(separator: ".")
        if lines[name] == nil { lines[name] = line }
    }

    /// Reads a perhaps dotted, perhaps quoted key and stops at the delimiter. Never empty.
    private mutating func readKey(until delimiter: UInt8) -> [String] {
        var parts: [[UInt8]] = [[]]
        while position < bytes.count, bytes[position] != delimiter, bytes[position] != UInt8(ascii: "\n") {
            switch bytes[position] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let start = position + 1
                skipString()
                // Escapes stay as they are: a key that needs one is no known key.
                if start < position { parts[parts.count - 1] += bytes[start..<max(start, position - 1)] }
            case UInt8(ascii: "."):
                parts.append([])
                advance()
            case UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
            case let byte:
                parts[parts.count - 1].append(byte)
                advance()
            }
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Goes on to the end of the line on which a value's last bracket or quote is closed.
    private mutating func skipValue() {
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\n"):
                advance()
                if depth <= 0 { return }
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString()
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                advance()
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                advance()
            default: advance()
            }
        }
    }

    /// Skips one string of any of the four kinds.
    private mutating func skipString() {
        let quote = bytes[position]
        let isMultiline = bytes[position...].starts(with: repeatElement(quote, count: 3))
        for _ in 0..<(isMultiline ? 3 : 1) { advance() }
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                advance()
            } else if bytes[position] == quote {
                if !isMultiline { return advance() }
                if bytes[position...].starts(with: repeatElement(quote, count: 3)) {
                    // Up to two quotes may stand right before the closing three.
                    while position < bytes.count, bytes[position] == quote { advance() }
                    return
                }
            }
            advance()
        }
    }

    private mutating func skipComment() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    }

    private mutating func advance() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }
}
