import Foundation

/// Receivers that misbehave (`receivers/zoo.py`): which of them is asked is said by the path, or by the port.
final class Zoo {
    /// A request as the zoo has logged it.
    struct Request: Equatable {
        let path: String
        let connection: Int
        let id: String
    }

    private let ports: [String: Int]
    private let logPath: String
    /// The authority that its certificate is from.
    let authority: String?

    /// - Parameter web: who has made a certificate called `zoo`; without it there is no TLS.
    init(_ lab: Lab, web: WebServer? = nil) throws {
        logPath = "\(lab.directory.path)/zoo.log"
        var arguments = ["python3", Package.receiver("zoo.py"), logPath]
        if let web { arguments += try web.files(of: "zoo") }
        authority = web?.authority
        let process = try lab.start(arguments)
        var found: [String: Int] = [:]
        try eventually("the zoo is open") {
            guard process.isRunning else { throw Unmet("the zoo has closed: \(process.errors)") }
            guard process.output.hasSuffix("\n") else { return false }
            let json = try JSON(process.output)
            for name in json.names { found[name] = json[name].int }
            return true
        }
        ports = found
    }

    func port(_ name: String) throws -> Int {
        guard let port = ports[name] else { throw Unmet("the zoo has no \(name)") }
        return port
    }

    /// Where one of them is: over TLS by the name of the certificate.
    func url(_ path: String, tls: Bool = false) throws -> String {
        tls ? "https://localhost:\(try port("tls"))/\(path)" : "http://127.0.0.1:\(try port("plain"))/\(path)"
    }

    var requests: [Request] {
        text(logPath).split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            return Request(path: words[0], connection: Int(words[1]) ?? 0, id: words[2])
        }
    }
}
