import HTTPTypes
import Hummingbird
import NIOCore
import RelayCore

extension Request {
    /// The body, a JSON object.
    ///
    /// - Throws: ``Problem``: 415 for another content type, 413 above `Limits.apiBodyBytes`, 400 for what is no JSON,
    ///   422 for JSON of another kind.
    ///
    /// - Parameter isOptional: whether no body at all is an empty object.
    func jsonObject(isOptional: Bool = false) async throws -> JSONObject {
        try checkContentType()
        let buffer = try await bodyBytes()
        if isOptional, buffer.readableBytes == 0 { return JSONObject() }
        let value: JSONValue
        do {
            value = try JSONParser.parse(buffer.readableBytesView)
        } catch {
            throw Problem(.badRequest, detail: "The body is not JSON: \(error.message).")
        }
        guard case .object(let object) = value else {
            throw Problem([FieldError("", "must be an object, not \(value.kind)")])
        }
        return object
    }

    /// The body, whatever it is.
    ///
    /// - Throws: ``Problem``: 413 above `Limits.apiBodyBytes`, 400 where it does not come to an end.
    func bodyBytes() async throws(Problem) -> ByteBuffer {
        let tooLarge = Problem(.contentTooLarge, detail: "The body has more than \(Limits.apiBodyBytes) bytes.")
        // Said at once where the length is known, rather than after a long upload.
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > Limits.apiBodyBytes { throw tooLarge }
        do {
            return try await body.collect(upTo: Limits.apiBodyBytes)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            // The client is gone, or what it sent is no HTTP any more.
            throw Problem(.badRequest, detail: "The body could not be read to its end.")
        }
    }

    /// A missing content type passes: what a body means here is never in doubt.
    private func checkContentType() throws(Problem) {
        guard let type = headers[.contentType] else { return }
        let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        guard essence == "application/json" || essence == "application/merge-patch+json" else {
            throw Problem(
                .unsupportedMediaType,
                detail: "The body's Content-Type is \(type); it must be application/json (curl: --json).")
        }
    }
}
