import HTTPTypes
import Hummingbird
import NIOCore
import RelayCore

/// An answer that says why a request was not done: problem details, RFC 9457.
struct Problem: Error {
    let status: HTTPResponse.Status
    let detail: String
    /// What is wrong with the input, one entry for each thing.
    var errors: [FieldError] = []
    var headers: HTTPFields = [:]
    /// Further members, which a program can act on.
    var members: [(String, JSONValue)] = []

    init(_ status: HTTPResponse.Status, detail: String) {
        self.status = status
        self.detail = detail
    }

    /// 422, naming every bad field.
    init(_ errors: [FieldError]) {
        status = .unprocessableContent
        detail = errors.count == 1 ? "One field is not valid." : "\(errors.count) fields are not valid."
        self.errors = errors
    }

    /// Another tenant than the key's, whether there is one or not.
    static var noTenant: Problem { Problem(.notFound, detail: "There is no such tenant.") }

    init(_ error: AdministrationError) {
        switch error {
        case .notFound:
            self.init(.notFound, detail: "There is no such webhook.")
        case .noEvent:
            self.init(.notFound, detail: "There is no such event.")
        case .noKey:
            self.init(.notFound, detail: "There is no such key.")
        case .noTask:
            self.init(.notFound, detail: "There is no such task.")
        case .ambiguous(let tenants):
            let names = tenants.joined(separator: ", ")
            self.init(
                .conflict, detail: "Events of several tenants have this id: name one of \(names) in ?tenantId=.")
            members = [("tenants", .array(tenants.map { .string($0) }))]
        case .limit(let text), .conflict(let text):
            self.init(.conflict, detail: text)
        case .storage(let text):
            self.init(.serviceUnavailable, detail: "Nothing was changed, as it could not be saved: \(text)")
            headers[.retryAfter] = "1"
        case .shuttingDown:
            self.init(.serviceUnavailable, detail: "The daemon is stopping.")
            headers[.retryAfter] = "1"
        }
    }

    var response: Response {
        var members: [(String, JSONValue)] = [
            // No types of our own: the status and the fields say all that a program can act on.
            ("type", "about:blank"),
            ("title", .string(status.reasonPhrase)),
            ("status", .count(status.code)),
            ("detail", .string(detail)),
        ]
        if !errors.isEmpty {
            members.append(
                (
                    "errors",
                    .array(errors.map { ["field": .string($0.field), "message": .string($0.message)] })
                ))
        }
        members += self.members
        var response = Response(status: status, json: .object(JSONObject(members)))
        response.headers[.contentType] = "application/problem+json"
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension Response {
    /// An answer with a JSON body.
    init(status: HTTPResponse.Status = .ok, json: JSONValue) {
        self.init(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONWriter.compact(json))))
    }
}

/// Calls the relay, its errors as answers.
func administer<Answer>(
    _ call: () async throws(AdministrationError) -> Answer
) async throws(Problem) -> Answer {
    do {
        return try await call()
    } catch {
        throw Problem(error)
    }
}

/// Checks a request's fields, what is wrong with them as an answer.
func checked<Answer>(_ check: () throws(InvalidFields) -> Answer) throws(Problem) -> Answer {
    do {
        return try check()
    } catch {
        throw Problem(error.errors)
    }
}
