import Foundation

/// nginx with TLS servers on ports of their own, and the certificates for them, made by openssl.
final class WebServer {
    /// One TLS server.
    struct Site {
        let name: String
        let certificate: String
        let key: String
        var settings = ""
        var port = 0
    }

    /// A request as nginx has logged it.
    struct Request: Equatable {
        let site: String
        let id: String
        let connection: String
        /// Such as `TLSv1.3`.
        let version: String
        let isResumed: Bool
        /// What ALPN has come to.
        let alpn: String
    }

    private let lab: Lab
    private let directory: String
    private(set) var sites: [Site] = []
    private var process: Child?

    var authority: String { "\(directory)/authority.pem" }

    init(_ lab: Lab) throws {
        self.lab = lab
        directory = "\(lab.directory.path)/web"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try makeAuthority("authority")
        try makeAuthority("stranger")
    }

    // MARK: Certificates

    private func openssl(_ arguments: [String]) throws {
        let child = try lab.run(["openssl"] + arguments)
        guard child.end == .exited(0) else { throw Unmet("openssl \(arguments): \(child.errors)") }
    }

    private func file(_ name: String) -> String { "\(directory)/\(name)" }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    private func makeAuthority(_ name: String) throws {
        try openssl(
            ["req", "-x509"] + Self.newKey + [
                "-keyout", file("\(name).key"), "-out", file("\(name).pem"), "-subj", "/CN=Test \(name)", "-days", "30",
            ])
    }

    /// A server's certificate.
    ///
    /// - Parameters:
    ///   - names: as openssl writes them, such as `DNS:localhost`.
    ///   - authority: nil for one that signs itself.
    ///   - end: when it ends; nil is 30 days from now.
    func addSite(
        _ name: String, names: String, authority: String?, end: String? = nil, settings: String = ""
    ) throws {
        let key = file("\(name).key")
        let certificate = file("\(name).pem")
        let request = ["req", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)", "-keyout", key]
        if let authority {
            try openssl(request + Self.newKey + ["-new", "-out", file("\(name).csr")])
            let period =
                end.map { ["-not_before", "20200101000000Z", "-not_after", $0] } ?? []
            if period.isEmpty {
                try openssl([
                    "x509", "-req", "-in", file("\(name).csr"), "-CA", file("\(authority).pem"), "-CAkey",
                    file("\(authority).key"), "-CAcreateserial", "-copy_extensions", "copy", "-days", "30", "-out",
                    certificate,
                ])
            } else {
                try sign(name, authority, end: end ?? "")
            }
        } else {
            try openssl(request + Self.newKey + ["-x509", "-days", "30", "-out", certificate])
        }
        sites.append(Site(name: name, certificate: certificate, key: key, settings: settings))
    }

    /// With the time of the end, which only `openssl ca` can set.
    private func sign(_ name: String, _ authority: String, end: String) throws {
        try lab.directory.write("web/ca.txt", "")
        let settings = try lab.directory.write(
            "web/ca.cnf",
            """
            [ca]
            default_ca = here
            [here]
            database = \(file("ca.txt"))
            serial = \(file("ca.serial"))
            new_certs_dir = \(directory)
            default_md = sha256
            policy = any
            copy_extensions = copy
            [any]
            commonName = supplied
            """)
        try openssl([
            "ca", "-batch", "-config", settings, "-create_serial", "-in", file("\(name).csr"), "-cert",
            file("\(authority).pem"), "-keyfile", file("\(authority).key"), "-startdate", "20200101000000Z", "-enddate",
            end, "-out", file("\(name).pem"), "-notext",
        ])
    }

    /// Certificate and key of a site, for another server than nginx.
    func files(of name: String) throws -> [String] {
        guard let site = sites.first(where: { $0.name == name }) else { throw Unmet("no site \(name)") }
        return [site.certificate, site.key]
    }

    // MARK: The server

    func start() throws {
        var blocks = ""
        for index in sites.indices {
            sites[index].port = try Lab.freePort()
            let site = sites[index]
            blocks += """
                server {
                    listen 127.0.0.1:\(site.port) ssl http2;
                    ssl_certificate \(site.certificate);
                    ssl_certificate_key \(site.key);
                    \(site.settings)
                    access_log \(file("access.log")) line;
                    location / { return 204; }
                    set $site \(site.name);
                }

                """
        }
        let configuration = try lab.directory.write(
            "web/nginx.conf",
            """
            daemon off;
            master_process off;
            pid \(file("nginx.pid"));
            error_log \(file("error.log"));
            events {}
            http {
                log_format line "$site $http_webhook_id $connection $ssl_protocol $ssl_session_reused $ssl_alpn_protocol";
                client_body_temp_path \(file("body"));
                proxy_temp_path \(file("proxy"));
                fastcgi_temp_path \(file("fastcgi"));
                uwsgi_temp_path \(file("uwsgi"));
                scgi_temp_path \(file("scgi"));
            \(blocks)
            }
            """)
        let process = try lab.start(["nginx", "-e", file("error.log"), "-c", configuration, "-p", directory])
        self.process = process
        try eventually("nginx listens") {
            guard process.isRunning else {
                throw Unmet("nginx has ended: \(process.errors) \(text(file("error.log")))")
            }
            return exists(file("nginx.pid"))
        }
    }

    func port(_ name: String) throws -> Int {
        guard let site = sites.first(where: { $0.name == name }) else { throw Unmet("no site \(name)") }
        return site.port
    }

    var requests: [Request] {
        text(file("access.log")).split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            return Request(
                site: words[0], id: words[1], connection: words[2], version: words[3], isResumed: words[4] == "r",
                alpn: words.count > 5 ? words[5] : "")
        }
    }
}
