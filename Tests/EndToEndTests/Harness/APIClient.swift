import Foundation

/// HTTP/1.1 over a Unix socket, one request a connection.
struct APIClient {
    let socket: String

    struct Answer {
        let status: Int
        /// Names in lower case.
        let headers: [String: String]
        let body: [UInt8]

        var json: JSON { get throws { try JSON(body) } }
    }

    func call(_ method: String, _ path: String, _ body: String? = nil) throws -> Answer {
        let connection = try UnixSocketClient(socket)
        defer { connection.close() }
        var request = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let body {
            request += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        } else {
            request += "\r\n"
        }
        try connection.send(request)
        return try Self.parse(try connection.readToEnd())
    }

    /// Calls, and takes nothing but success.
    @discardableResult
    func json(_ method: String, _ path: String, _ body: String? = nil) throws -> JSON {
        let answer = try call(method, path, body)
        guard (200...299).contains(answer.status) else {
            throw Unmet("\(method) \(path): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        return answer.body.isEmpty ? try JSON("null") : try answer.json
    }

    private static func parse(_ bytes: [UInt8]) throws -> Answer {
        guard let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else {
            throw Unmet("no HTTP: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
        }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = head[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Unmet("no status: \(head[0])")
        }
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.last?.trimmingCharacters(in: .whitespaces)
        }
        var body = Array(bytes[end.upperBound...])
        if headers["transfer-encoding"] == "chunked" { body = try dechunked(body) }
        return Answer(status: status, headers: headers, body: body)
    }

    private static func dechunked(_ bytes: [UInt8]) throws -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: 0x0D) {
            guard let size = Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16) else { break }
            if size == 0 { return body }
            rest = rest[(end + 2)...]
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        throw Unmet("a chunked body is cut short")
    }
}
