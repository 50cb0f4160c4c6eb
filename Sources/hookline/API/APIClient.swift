import AdminAPI
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Calls the daemon's API on its Unix socket: one request a connection.
struct APIClient: Sendable {
    /// How long a call may take in all.
    static let seconds: Int64 = 10

    /// What the API's calls are made with.
    enum Method: String {
        case get = "GET"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    let path: String

    /// Calls the API.
    ///
    /// - Parameters:
    ///   - target: path and query
    ///   - body: sent as JSON
    /// - Returns: the answer's JSON; null for an answer without a body
    func call(_ method: Method, _ target: String, body: JSONValue? = nil) async throws(APIFailure) -> JSONValue {
        let answer = try await exchange(method, target, body: body)
        let json = try parse(answer)
        guard (200..<300).contains(answer.status) else {
            throw refusal(answer.status, json)
        }
        return json
    }

    /// Gets something as the bytes that came: JSON whose values may say more than ``JSONValue`` can.
    func bytes(_ target: String) async throws(APIFailure) -> [UInt8] {
        let answer = try await exchange(.get, target, body: nil)
        guard (200..<300).contains(answer.status) else { throw refusal(answer.status, try parse(answer)) }
        return Array(answer.body.readableBytesView)
    }

    private func parse(_ answer: HTTPAnswer) throws(APIFailure) -> JSONValue {
        guard answer.body.readableBytes > 0 else { return .null }
        do {
            return try JSONParser.parse(answer.body.readableBytesView)
        } catch {
            throw .unexpected("\(path) does not answer as Hookline's API does: status \(answer.status), no JSON")
        }
    }

    func refusal(_ status: Int, _ json: JSONValue) -> APIFailure {
        let errors = (json["errors"]?.arrayValue ?? []).map { entry in
            (
                field: PrintableText.of(entry["field"]?.stringValue ?? ""),
                message: PrintableText.of(entry["message"]?.stringValue ?? "")
            )
        }
        return .refused(status: status, detail: PrintableText.of(json["detail"]?.stringValue ?? ""), errors: errors)
    }

    // MARK: HTTP

    private func exchange(
        _ method: Method, _ target: String, body: JSONValue?
    ) async throws(APIFailure) -> HTTPAnswer {
        let group = MultiThreadedEventLoopGroup.singleton
        let answer = group.next().makePromise(of: HTTPAnswer.self)
        let timeout = group.next().scheduleTask(in: .seconds(Self.seconds)) {
            answer.fail(APIFailure.noAnswer(path: path, seconds: Self.seconds))
        }
        defer { timeout.cancel() }
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(Self.seconds))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerCollector(answer))
                    }
                }
                .connect(unixDomainSocketPath: path).get()
        } catch {
            // Nobody waits for the answer, but NIO wants every promise kept.
            answer.fail(error)
            throw .connecting(to: path, error)
        }
        defer { channel.close(promise: nil) }
        send(method, target, body, on: channel)
        do {
            // Cancelled, it does not wait for the answer.
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch let failure as APIFailure {
            throw failure
        } catch {
            throw .broken(path: path, reason: "\(error)")
        }
    }

    private func send(_ method: Method, _ target: String, _ body: JSONValue?, on channel: any Channel) {
        var headers: HTTPHeaders = ["Host": "localhost", "Connection": "close"]
        let bytes = body.map { ByteBuffer(bytes: JSONWriter.compact($0)) }
        if let bytes {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(bytes.readableBytes))
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: method.rawValue), uri: target, headers: headers)
        // A failed write also ends the connection, which fails the answer.
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if let bytes { channel.write(HTTPClientRequestPart.body(.byteBuffer(bytes)), promise: nil) }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }
}

/// An answer of the API as it came.
struct HTTPAnswer: Sendable {
    let status: Int
    var body = ByteBuffer()
}

/// Gathers one answer.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    /// Two hundred webhooks at their largest have fewer bytes.
    private static let bytesMax = 64 * 1024 * 1024

    private struct Cut: Error, CustomStringConvertible {
        let description: String
    }

    private let promise: EventLoopPromise<HTTPAnswer>
    private var answer: HTTPAnswer?

    init(_ promise: EventLoopPromise<HTTPAnswer>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer = HTTPAnswer(status: Int(head.status.code))
        case .body(var part):
            answer?.body.writeBuffer(&part)
            if let answer, answer.body.readableBytes > Self.bytesMax {
                promise.fail(Cut(description: "the answer is too large"))
                context.close(promise: nil)
            }
        case .end:
            if let answer { promise.succeed(answer) }
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(Cut(description: "the daemon closed it before it answered"))
    }
}
