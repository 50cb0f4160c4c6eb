import Foundation

/// A receiver in Node.js (`receivers/receiver.js`): what it answers is said by the path.
final class Receiver {
    /// One request that came in.
    struct Delivery {
        let at: Int
        let connection: Int
        let method: String
        let path: String
        let version: String
        let headers: [(name: String, value: String)]
        let body: String
        /// Whether `X-HiresScope-Signature` is good.
        let isGenuine: Bool
        /// Which of the receiver's secrets made `X-HiresScope-Signature`; -1: none of them.
        let bodySecret: Int
        /// The same for each entry of `webhook-signature`.
        let standardSecrets: [Int]

        func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
        var id: String { header("webhook-id") ?? "" }
    }

    let port: Int
    let logPath: String
    private let secretPath: String
    private let process: Child

    /// - Parameters:
    ///   - port: 0 lets the system choose.
    ///   - through: a program that starts it, such as `nsenter`.
    init(in directory: TemporaryDirectory, name: String, port: Int = 0, through: [String] = []) throws {
        secretPath = "\(directory.path)/\(name).secret"
        logPath = "\(directory.path)/\(name).log"
        process = try Child(
            through + ["node", Package.receiver("receiver.js"), secretPath, logPath, "\(port)"], in: directory,
            name: name)
        var found: Int?
        try eventually("the receiver listens") { [process] in
            guard process.isRunning else { throw Unmet("node has ended: \(process.errors)") }
            found = Int(process.output.trimmingCharacters(in: .newlines))
            return found != nil
        }
        guard let found else { throw Unmet("no port") }
        self.port = found
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// The secret that it verifies with from now on.
    func use(secret: String) throws { try use(secrets: [secret]) }

    /// The secrets that it verifies with from now on: either will do.
    func use(secrets: [String]) throws {
        try secrets.joined(separator: "\n").write(toFile: secretPath, atomically: true, encoding: .utf8)
    }

    /// What it answers to requests for `/wish` from now on; nil: 204.
    func answer(_ status: Int?, _ fields: String...) throws {
        guard let status else {
            try? FileManager.default.removeItem(atPath: logPath + ".answer")  // There may be none.
            return
        }
        try (["\(status)"] + fields).joined(separator: "\n").write(
            toFile: logPath + ".answer", atomically: true, encoding: .utf8)
    }

    /// How many requests have come in.
    var count: Int { contents(logPath).count { $0 == 0x0A } }

    func deliveries(_ path: String? = nil) throws -> [Delivery] {
        let lines = contents(logPath)
        guard let end = lines.lastIndex(of: 0x0A) else { return [] }
        return try lines[..<end].split(separator: 0x0A).map { try Self.parse(Array($0)) }
            .filter { path == nil || $0.path == path }
    }

    private static func parse(_ line: [UInt8]) throws -> Delivery {
        let json = try JSON(line)
        let pairs = json.headers.strings
        let headers = stride(from: 0, to: pairs.count - 1, by: 2).map { (name: pairs[$0], value: pairs[$0 + 1]) }
        let body = Data(base64Encoded: json.body.string ?? "") ?? Data()
        return Delivery(
            at: json.at.int ?? 0, connection: json.connection.int ?? 0, method: json.method.string ?? "",
            path: json.path.string ?? "", version: json.version.string ?? "", headers: headers,
            body: String(decoding: body, as: UTF8.self), isGenuine: json.genuine.bool ?? false,
            bodySecret: json.bodySecret.int ?? -1, standardSecrets: json.standardSecrets.array.map { $0.int ?? -1 })
    }

    func stop() { process.finish() }
}
