import Foundation
import Testing

/// Servers that receivers in the world run, over one version of TLS, with a certificate for localhost.
struct RealServer: Sendable, CustomTestStringConvertible {
    enum Kind: String, Sendable, CaseIterable {
        case nginx, apache, haproxy, node
        case python
        /// Which closes each connection.
        case pythonHTTP10
    }

    let kind: Kind
    /// `TLSv1.2` or `TLSv1.3`.
    let version: String

    static let all = Kind.allCases.flatMap { kind in
        ["TLSv1.2", "TLSv1.3"].map { RealServer(kind: kind, version: $0) }
    }

    var testDescription: String { "\(kind.rawValue), \(version)" }

    /// Starts it.
    ///
    /// - Returns: its port.
    func start(_ lab: Lab, _ web: WebServer) throws -> Int {
        if kind == .nginx {
            try web.addSite(
                "nginx", names: "DNS:localhost", authority: "authority", settings: "ssl_protocols \(version);")
            try web.start()
            return try web.port("nginx")
        }
        try web.addSite("server", names: "DNS:localhost", authority: "authority")
        let files = try web.files(of: "server")
        switch kind {
        case .nginx, .node: return try printed(lab, ["node", Package.receiver("https.js")] + files + [version])
        case .python: return try printed(lab, ["python3", Package.receiver("https.py")] + files + [version])
        case .pythonHTTP10:
            return try printed(lab, ["python3", Package.receiver("https.py")] + files + [version, "HTTP/1.0"])
        case .apache: return try apache(lab, files)
        case .haproxy: return try haproxy(lab, files)
        }
    }

    /// One that says its port.
    private func printed(_ lab: Lab, _ arguments: [String]) throws -> Int {
        let process = try lab.start(arguments)
        var port: Int?
        try eventually("\(kind) listens") {
            guard process.isRunning else { throw Unmet("\(kind) has ended: \(process.errors)") }
            port = Int(process.output.trimmingCharacters(in: .newlines))
            return port != nil
        }
        guard let port else { throw Unmet("no port") }
        return port
    }

    private func apache(_ lab: Lab, _ files: [String]) throws -> Int {
        let port = try Lab.freePort()
        let directory = lab.directory.path
        let modules = ["mpm_event", "authz_core", "alias", "ssl"].map {
            "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so"
        }
        let configuration = try lab.directory.write(
            "apache.conf",
            """
            ServerRoot \(directory)
            ServerName localhost
            DefaultRuntimeDir \(directory)
            PidFile \(directory)/apache.pid
            ErrorLog \(directory)/apache.log
            \(getuid() == 0 ? "User www-data\nGroup www-data" : "")
            \(modules.joined(separator: "\n"))
            Listen 127.0.0.1:\(port)
            SSLEngine on
            SSLCertificateFile \(files[0])
            SSLCertificateKeyFile \(files[1])
            SSLProtocol -all +\(version)
            Redirect 204 /
            """)
        let process = try lab.start(["apache2", "-DFOREGROUND", "-f", configuration])
        try listens(process, port) { text("\(directory)/apache.log") }
        return port
    }

    private func haproxy(_ lab: Lab, _ files: [String]) throws -> Int {
        let port = try Lab.freePort()
        let pair = try lab.directory.write("haproxy.pem", text(files[0]) + text(files[1]))
        let configuration = try lab.directory.write(
            "haproxy.cfg",
            """
            defaults
                mode http
                timeout connect 5s
                timeout client 30s
                timeout server 30s
            frontend receiver
                bind 127.0.0.1:\(port) ssl crt \(pair) ssl-min-ver \(version) ssl-max-ver \(version) alpn h2,http/1.1
                http-request return status 200 content-type text/plain string fine

            """)
        let process = try lab.start(["haproxy", "-db", "-f", configuration])
        try listens(process, port) { process.errors }
        return port
    }

    private func listens(_ process: Child, _ port: Int, _ log: () -> String) throws {
        try eventually("\(kind) listens") {
            guard process.isRunning else { throw Unmet("\(kind) has ended: \(process.errors) \(log())") }
            return Lab.isListening(port)
        }
    }
}
