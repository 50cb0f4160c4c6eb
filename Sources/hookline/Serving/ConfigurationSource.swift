import ArgumentParser
import Glibc
import Logging
import Relay

/// Where the configuration comes from, for `serve` and `check`.
struct ConfigurationSource: ParsableArguments {
    static let installed = "/etc/hookline/hookline.toml"

    @Option(name: .customLong("config"), help: "Configuration file (default: HOOKLINE_CONFIG, or \(Self.installed)).")
    var file: String?

    /// The process's environment.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                variables[String(text[..<separator])] = String(text[text.index(after: separator)...])
            }
            next += 1
        }
        return variables
    }

    /// The file that is read; nil if there is none and none was named.
    func path(_ environment: [String: String]) -> String? {
        if let named = file ?? environment["HOOKLINE_CONFIG"] { return named }
        if let directory = environment["CONFIGURATION_DIRECTORY"]?.split(separator: ":").first {
            return "\(directory)/hookline.toml"
        }
        return access(Self.installed, F_OK) == 0 ? Self.installed : nil
    }

    /// - Throws: `ConfigurationErrors`, also where a file can't be read.
    func load(_ environment: [String: String]) throws -> Configuration {
        let path = path(environment)
        let text = try path.map { try Self.read($0, key: "") }
        var configuration = try Configuration.load(
            text: text, file: path ?? Self.installed, environment: environment)
        // systemd.exec(5), LoadCredential=.
        if !configuration.egress.proxy.isEmpty, let directory = environment["CREDENTIALS_DIRECTORY"],
            !directory.isEmpty
        {
            let credential = "\(directory)/\(Configuration.proxyCredential)"
            if access(credential, F_OK) == 0 {
                try configuration.useProxyCredentials(
                    Self.read(credential, key: "egress.proxy"), file: credential)
            }
        }
        return configuration
    }

    private static func read(_ path: String, key: String) throws -> String {
        do {
            return try TextFile.read(path)
        } catch {
            throw ConfigurationErrors(
                errors: [ConfigurationError(file: path, line: nil, key: key, reason: "can't be read: \(error.reason)")])
        }
    }
}

/// A log level by its name.
struct LogLevel {
    let value: Logger.Level

    /// The configuration has checked that it is one.
    init(_ name: String) {
        value = Logger.Level(rawValue: name) ?? .info
    }
}

/// Lines for a person on standard error.
enum FailureText {
    static func print(_ text: String) {
        var line = text + "\n"
        // If standard error is gone there is nobody to tell.
        _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// A small file as text.
enum TextFile {
    struct Failure: Error {
        let reason: String
    }

    static func read(_ path: String) throws(Failure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw Failure(reason: String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= 4 * 1024 * 1024 else { throw Failure(reason: "is larger than 4 MiB") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(reason: "is not UTF-8") }
        return text
    }
}
