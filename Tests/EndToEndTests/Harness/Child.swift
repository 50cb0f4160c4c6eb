import Foundation

/// A child process, with its output in files: nothing waits for a pipe that nobody reads.
final class Child {
    enum End: Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    enum Input {
        case nothing
        case bytes([UInt8])
        /// Written by ``Child/write(_:)``, ended by ``Child/endInput()``.
        case open

        static func text(_ text: String) -> Input { .bytes(Array(text.utf8)) }
    }

    let pid: pid_t
    let outputPath: String
    let errorPath: String
    /// Set when the test has ended it.
    private(set) var wasSignalled = false
    private(set) var end: End?
    private var input: Int32 = -1

    /// - Parameter name: of the files of its output, in `directory`.
    init(
        _ arguments: [String], in directory: TemporaryDirectory, name: String, environment: [String: String] = [:],
        input: Input = .nothing
    ) throws {
        outputPath = "\(directory.path)/\(name).out"
        errorPath = "\(directory.path)/\(name).err"
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
        let output = open(outputPath, flags, 0o600)
        let error = open(errorPath, flags, 0o600)
        var standardInput: Int32 = -1
        switch input {
        case .nothing: break
        case .bytes(let bytes):
            let path = "\(directory.path)/\(name).in"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            standardInput = open(path, O_RDONLY | O_CLOEXEC)
        case .open:
            let ends = Spawn.pipe()
            (standardInput, self.input) = (ends.read, ends.write)
        }
        defer {
            close(output)
            close(error)
            if standardInput >= 0 { close(standardInput) }
        }
        var variables = ["HOME": directory.path]
        variables.merge(environment) { $1 }
        // Outlives this process only until the reaper sees that.
        _ = Reaper.shared
        pid = try Spawn.start(arguments, environment: variables, standard: (standardInput, output, error))
        Reaper.shared.add(pid)
    }

    var output: String { text(outputPath) }
    var errors: String { text(errorPath) }

    var isRunning: Bool {
        look()
        return end == nil
    }

    private func look() {
        guard end == nil else { return }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return }
        end = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
        Reaper.shared.remove(pid)
    }

    /// Waits for its end.
    @discardableResult
    func wait(within limit: Duration = .seconds(20)) throws -> End {
        try eventually("process \(pid) ends", within: limit) { !isRunning }
        guard let end else { throw Unmet("no end") }
        return end
    }

    func signal(_ number: Int32) {
        look()
        guard end == nil else { return }
        if number != SIGHUP { wasSignalled = true }
        kill(pid, number)
    }

    /// Ends it and all that it has started.
    func finish() {
        endInput()
        wasSignalled = true
        kill(-pid, SIGKILL)
        // A killed process ends; how, nobody asks any more.
        _ = try? wait(within: .seconds(5))
    }

    func write(_ text: String) {
        Spawn.write(text, to: input)
    }

    func endInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// A value of `/proc/PID/status` in bytes, such as `VmHWM`.
    func memory(_ key: String) throws -> Int {
        for line in text("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix("\(key):") {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count > 1, let kibibytes = Int(words[1]) { return kibibytes * 1024 }
        }
        throw Unmet("/proc/\(pid)/status has no \(key)")
    }

    /// How many descriptors it has open.
    var descriptors: Int {
        // If it is gone it has none.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }
}
