import AdminAPI
import NIOCore
import NIOHTTP1
import NIOPosix

extension APIClient {
    /// Bytes of a line that are taken.
    private static let lineBytesMax = 64 * 1024

    /// Reads lines of JSON as the daemon sends them, until it ends or this task is cancelled.
    ///
    /// - Parameter line: gets each line that is not empty, without its LF; while it works nothing more is read.
    func follow(_ target: String, _ line: ([UInt8]) -> Void) async throws(APIFailure) {
        do {
            let channel = try await connect()
            try await channel.executeThenClose { inbound, outbound in
                let head = HTTPRequestHead(
                    version: .http1_1, method: .GET, uri: target, headers: ["Host": "localhost"])
                try await outbound.write(.head(head))
                try await outbound.write(.end(nil))
                try await read(inbound, line)
            }
        } catch let failure as APIFailure {
            throw failure
        } catch is CancellationError {
            return
        } catch {
            if !Task.isCancelled { throw .broken(path: path, reason: "\(error)") }
        }
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(Self.seconds))
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw APIFailure.connecting(to: path, error)
        }
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, _ line: ([UInt8]) -> Void
    ) async throws {
        var status = 0
        var rest: [UInt8] = []
        for try await part in inbound {
            switch part {
            case .head(let head): status = Int(head.status.code)
            case .body(let bytes):
                rest += bytes.readableBytesView
                guard status == 200 else { continue }
                while let end = rest.firstIndex(of: 0x0A) {
                    if end > 0 { line(Array(rest[..<end])) }
                    rest.removeSubrange(...end)
                }
                guard rest.count <= Self.lineBytesMax else {
                    throw APIFailure.unexpected("\(path) does not answer as Hookline's API does")
                }
            case .end:
                guard status != 200 else { return }
                // What is no JSON has no words to pass on.
                throw refusal(status, (try? JSONParser.parse(rest)) ?? .null)
            }
        }
        if !Task.isCancelled { throw APIFailure.broken(path: path, reason: "the daemon closed it") }
    }
}
