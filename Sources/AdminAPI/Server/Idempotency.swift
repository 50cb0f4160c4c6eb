import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RelayCore
import Synchronization

/// `Idempotency-Key`: a POST that is sent again does nothing again, and gets the same answer.
struct Idempotency: Sendable {
    let answers: any AnswerStore

    private static let header = HTTPField.Name("Idempotency-Key")!
    static let replayed = HTTPField.Name("Idempotency-Replayed")!
    private static let keyLengths = 1...255
    private static let keys = "/api/v1/api-keys"

    /// - Parameter respond: does the request; never throws.
    func respond(
        to request: Request, from caller: Caller, _ respond: (Request) async -> Response
    ) async -> Response {
        do throws(Problem) {
            guard request.method == .post, let key = try Self.key(of: request) else { return await respond(request) }
            var request = request
            let body = try await request.bodyBytes()
            request.body = RequestBody(buffer: body)
            let asked = IdempotentRequest(
                credential: Self.credential(of: caller), route: "POST \(request.uri.path)", key: key,
                contents: Array((request.uri.query ?? "").utf8) + [0] + Array(body.readableBytesView))
            switch await answers.begin(asked) {
            case .known(let answer): return Self.response(answer)
            case .different:
                throw Problem([
                    FieldError("Idempotency-Key", "was used for another request; take a new one for each")
                ])
            case .inProgress:
                var problem = Problem(.conflict, detail: "The first request with this Idempotency-Key is not done yet.")
                problem.headers[.retryAfter] = "1"
                throw problem
            case .new: break
            }
            return await answer(asked, await respond(request))
        } catch {
            return error.response
        }
    }

    /// What a failure of the daemon has left undone may be tried again; and where there is nothing, nothing is kept.
    private func answer(_ request: IdempotentRequest, _ response: Response) async -> Response {
        let isKept = response.status.code < 500 && response.status != .notFound && response.status != .methodNotAllowed
        guard isKept, let body = await Self.bytes(of: response) else {
            await answers.finish(request, nil, holdsKey: false)
            return response
        }
        let answer = KeptAnswer(
            status: response.status.code, contentType: response.headers[.contentType],
            location: response.headers[.location], body: body)
        await answers.finish(request, answer, holdsKey: request.route == "POST \(Self.keys)")
        return response
    }

    /// The one caller that needs no key is one, whoever it is: they are all the host's administrators.
    private static func credential(of caller: Caller) -> String {
        if case .key(let id) = caller.identity { id } else { "api.sock" }
    }

    private static func key(of request: Request) throws(Problem) -> String? {
        let values = request.headers[values: header]
        guard let key = values.first else { return nil }
        guard values.count == 1, keyLengths.contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Problem(
                .badRequest, detail: "Idempotency-Key must be there once, with 1 to 255 visible ASCII characters.")
        }
        return key
    }

    private static func response(_ answer: KeptAnswer) -> Response {
        var headers: HTTPFields = [replayed: "true"]
        headers[.contentType] = answer.contentType
        headers[.location] = answer.location
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
    }

    /// Answers of POST are made in memory.
    private static func bytes(of response: Response) async -> [UInt8]? {
        let collector = Collector()
        // A body that fails half-way is not one to give again.
        guard (try? await response.body.write(collector)) != nil else { return nil }
        return collector.bytes
    }
}

/// Takes a body into memory.
private final class Collector: ResponseBodyWriter {
    private let buffer = Mutex<[UInt8]>([])

    var bytes: [UInt8] { buffer.withLock { $0 } }

    func write(_ part: ByteBuffer) async throws {
        buffer.withLock { $0 += part.readableBytesView }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
