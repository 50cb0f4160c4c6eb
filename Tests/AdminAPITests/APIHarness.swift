import Glibc
import Logging
import NIOCore
import NIOPosix
import RelayCore
import Testing

@testable import AdminAPI

/// An API server on a Unix socket in a temporary directory, for the length of a test.
struct APIHarness: Sendable {
    let path: String
    let administration: MemoryAdministration
    let answers: MemoryAnswers

    /// Runs the server around the body, then cancels it and waits until it has returned.
    ///
    /// - Parameter door: the socket is a Unix socket all the same; requests are judged as ones from there.
    static func run(
        _ administration: MemoryAdministration = MemoryAdministration(), door: Door = .socket,
        limits: APILimits = APILimits(),
        _ body: @Sendable (APIHarness) async throws -> Void
    ) async throws {
        let directory = try temporaryDirectory()
        defer {
            unlink(directory + "/api.sock")
            rmdir(directory)
        }
        let path = directory + "/api.sock"
        let descriptor = try listeningSocket(path)
        let answers = MemoryAnswers()
        let server = APIServer(
            administration: administration, answers: answers, version: "1.2.3", logger: Logger(label: "test"),
            group: MultiThreadedEventLoopGroup.singleton, door: door, limits: limits)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run(listening: descriptor) }
            try await body(APIHarness(path: path, administration: administration, answers: answers))
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func temporaryDirectory() throws -> String {
        var template = Array("/tmp/hookline-api-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw IOError(errnoCode: errno, reason: "mkdtemp") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func listeningSocket(_ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(descriptor, 128) == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
        return descriptor
    }

    // MARK: Client

    /// A connection whose bytes the test writes and reads itself.
    func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
    }

    /// A connection of which nothing is read but by the test; to be closed by it.
    func connectBlocking() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard isConnected == 0 else { throw IOError(errnoCode: errno, reason: "connect") }
        return descriptor
    }

    /// Sends bytes, and returns all that comes back until the server closes.
    func exchange(_ text: String, halfClose: Bool = false) async throws -> String {
        try await connect().executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            if halfClose { outbound.finish() }
            var answer = ByteBuffer()
            for try await part in inbound { answer.writeImmutableBuffer(part) }
            return String(buffer: answer)
        }
    }

    /// One call on a connection of its own.
    func call(
        _ method: String, _ path: String, _ body: JSONValue? = nil, type: String? = "application/json",
        key: String? = nil, host: String? = "localhost", headers: [(String, String)] = []
    ) async throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
        if let host { head += "Host: \(host)\r\n" }
        if let key { head += "Authorization: Bearer \(key)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        var text = ""
        if let body {
            text = String(decoding: JSONWriter.compact(body), as: UTF8.self)
            if let type { head += "Content-Type: \(type)\r\n" }
            head += "Content-Length: \(text.utf8.count)\r\n"
        }
        let answer = try Answer(try await exchange(head + "\r\n" + text))
        expectDocumented(method, path, answer)
        return answer
    }

    /// Of every call that any test makes: the document tells of its status and content type. A path that has no such method
    /// is the router's own affair.
    private func expectDocumented(_ method: String, _ path: String, _ answer: Answer) {
        let segments = path.prefix { $0 != "?" }.split(separator: "/")
        let route = APIResponder.routes(administration, version: "").list.first { route in
            let parts = route.path.split(separator: "/")
            return route.method == method && parts.count == segments.count
                && zip(parts, segments).allSatisfy { $0.first == "{" || $0 == $1 }
        }
        guard let route, let operation = Operations.find(route.method, route.path) else { return }
        let statuses = [operation.answer.status] + operation.problems + Operations.extra(method, operation).problems
        #expect(
            statuses.contains(answer.status), "\(method) \(path) is not documented to say \(answer.status)")
        let type = answer.headers["content-type"].map { String($0.prefix { $0 != ";" }) }
        let isDone = answer.status < 400
        let wanted = operation.answer.schema == nil ? nil : operation.answer.type
        #expect(type == (isDone ? wanted : "application/problem+json"), "\(method) \(path)")
        #expect(!isDone || !operation.answer.hasLocation || answer.headers["location"] != nil, "\(method) \(path)")
    }
}

/// An HTTP answer taken apart.
struct Answer {
    struct Malformed: Error {
        let text: String
    }

    let status: Int
    let headers: [String: String]
    let body: String

    init(_ text: String) throws {
        guard let end = text.range(of: "\r\n\r\n") else { throw Malformed(text: text) }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        guard let line = lines.first?.split(separator: " "), line.count >= 2, let status = Int(line[1]) else {
            throw Malformed(text: text)
        }
        self.status = status
        headers = Dictionary(
            lines.dropFirst().compactMap { line in
                line.firstIndex(of: ":").map {
                    (line[..<$0].lowercased(), String(line[line.index($0, offsetBy: 2)...]))
                }
            }, uniquingKeysWith: { $0 + ", " + $1 })
        body = String(text[end.upperBound...])
    }

    var json: JSONValue {
        get throws { try JSONParser.parse(body.utf8) }
    }

    /// The fields that a problem names.
    var fields: [String] {
        get throws {
            try json["errors"]?.arrayValue?.compactMap { $0["field"]?.stringValue } ?? []
        }
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<Index>? {
        let bytes = Array(utf8)
        let wanted = Array(needle.utf8)
        guard let offset = bytes.indices.first(where: { bytes[$0...].starts(with: wanted) }) else { return nil }
        let start = utf8.index(startIndex, offsetBy: offset)
        return start..<utf8.index(start, offsetBy: wanted.count)
    }
}
