import Foundation

/// tinyproxy: a CONNECT proxy.
final class Proxy {
    let port: Int
    private let logPath: String

    /// - Parameters:
    ///   - credentials: `user password`; nil lets everybody.
    ///   - ports: that it connects to; empty: all.
    init(_ lab: Lab, credentials: String? = nil, ports: [Int] = []) throws {
        let port = try Lab.freePort()
        let logPath = "\(lab.directory.path)/proxy-\(port).log"
        let configuration = try lab.directory.write(
            "proxy-\(port).conf",
            """
            Port \(port)
            Listen 127.0.0.1
            Timeout 60
            LogFile "\(logPath)"
            LogLevel Info
            MaxClients 100
            \(credentials.map { "BasicAuth \($0)" } ?? "")
            \(ports.map { "ConnectPort \($0)" }.joined(separator: "\n"))

            """)
        let process = try lab.start(["tinyproxy", "-d", "-c", configuration])
        try eventually("tinyproxy listens") {
            guard process.isRunning else { throw Unmet("tinyproxy has ended: \(process.errors) \(text(logPath))") }
            return Lab.isListening(port)
        }
        self.port = port
        self.logPath = logPath
    }

    var setting: String { "proxy = \"http://127.0.0.1:\(port)\"" }

    /// What it was asked for, such as `CONNECT localhost:443 HTTP/1.1`.
    var requests: [String] {
        text(logPath).split(separator: "\n").compactMap { line in
            // "CONNECT   Nov 24 12:00:00.000 [1]: Request (file descriptor 7): CONNECT localhost:443 HTTP/1.1"
            guard line.contains("Request (file descriptor") else { return nil }
            return line.components(separatedBy: "): ").last
        }
    }
}
