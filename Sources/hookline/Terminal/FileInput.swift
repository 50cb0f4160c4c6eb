import Glibc

/// Reading files and standard input as bytes.
enum FileInput {
    /// Opens a file for reading; `-` is standard input, which the caller does not close.
    static func open(_ path: String) throws(SystemProblem) -> Int32 {
        if path == "-" { return STDIN_FILENO }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemProblem("open \(path)") }
        return descriptor
    }

    /// All bytes of a file, or of standard input for `-`.
    static func wholeFile(_ path: String, bytesMax: Int) throws -> [UInt8] {
        let descriptor = try open(path)
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemProblem("read \(path == "-" ? "standard input" : path)")
            }
            bytes += chunk[..<count]
            if bytes.count > bytesMax { throw InputTooLarge(path: path, bytesMax: bytesMax) }
        }
    }
}

/// A file that is larger than what it is for can be.
struct InputTooLarge: Error, CustomStringConvertible {
    let path: String
    let bytesMax: Int

    var description: String {
        "\(path == "-" ? "standard input" : path) has more than \(bytesMax) bytes"
    }
}
