import Foundation

/// A directory under `/tmp` with a short name: a socket's path has at most 107 bytes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/hl-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Unmet("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Reaper.shared.add(path)
    }

    func remove() {
        // What is left over from a test that failed half-way may be gone already.
        try? FileManager.default.removeItem(atPath: path)
        Reaper.shared.remove(path)
    }

    /// Writes a small file and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        return file
    }
}

/// The bytes of a file; none if it is not there.
func contents(_ path: String) -> [UInt8] {
    FileManager.default.contents(atPath: path).map { [UInt8]($0) } ?? []
}

func text(_ path: String) -> String { String(decoding: contents(path), as: UTF8.self) }

func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// The permission bits of a file.
func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}
