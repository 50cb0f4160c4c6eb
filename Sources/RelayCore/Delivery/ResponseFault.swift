/// Why bytes are no response that can be read (RFC 9112), strictly: what readers could understand in two ways is refused,
/// since another reader on the way may have understood it in the other one.
package enum ResponseFault: Error, Hashable, Sendable {
    /// A TLS record where HTTP was expected.
    case tls
    /// The bytes do not begin as HTTP does.
    case notHTTP
    /// HTTP of another major version.
    case version
    /// The status line has no status of three digits.
    case statusLine
    /// A line that ends in LF without CR.
    case bareLineFeed
    /// A CR, NUL or other control character within a line.
    case controlCharacter
    /// More bytes than ``Limits/responseHeadBytes`` before the head was over; interim responses count.
    case headTooLarge
    /// More fields than ``Limits/responseHeaderFields``; those of interim responses count.
    case tooManyFields
    /// A field that goes on on the next line (RFC 9112 section 5.2).
    case foldedField
    /// A field without a colon, or with a name that is no token: empty, or with a space before the colon.
    case fieldName
    /// `Content-Length` is no decimal number.
    case contentLength
    /// Several `Content-Length`.
    case contentLengths
    /// `Content-Length` and `Transfer-Encoding`.
    case lengthAndEncoding
    /// Several `Transfer-Encoding`, or codings after `chunked`.
    case transferEncoding
    /// A chunk's size, or what follows its data, is malformed.
    case chunk
    /// The input ended before any byte.
    case nothing
    /// The input ended within the head.
    case cutHead
    /// The input ended within the body.
    case cutBody

    /// A sentence for the administrator.
    package var message: String {
        switch self {
        case .tls: "the receiver speaks TLS on this port: the URL should begin with https"
        case .notHTTP: "the answer is no HTTP"
        case .version: "the answer is no HTTP/1.1, but another version of HTTP"
        case .statusLine: "the answer's status line is malformed"
        case .bareLineFeed: "the answer's head is malformed: a line ends in a line feed alone"
        case .controlCharacter: "the answer's head is malformed: it has a control character"
        case .headTooLarge: "the answer's head is larger than \(Limits.responseHeadBytes / 1024) KiB"
        case .tooManyFields: "the answer's head has more than \(Limits.responseHeaderFields) fields"
        case .foldedField: "the answer's head is malformed: a field is folded over several lines"
        case .fieldName: "the answer's head is malformed: a field's name is no token"
        case .contentLength: "the answer's head is ambiguous: Content-Length is no number"
        case .contentLengths: "the answer's head is ambiguous: it has several Content-Length"
        case .lengthAndEncoding: "the answer's head is ambiguous: it has both Content-Length and Transfer-Encoding"
        case .transferEncoding: "the answer's head is ambiguous: Transfer-Encoding does not end in one chunked"
        case .chunk: "a chunk of the answer is malformed"
        case .nothing: "the receiver closed the connection without an answer"
        case .cutHead: "the receiver closed the connection in the middle of its answer's head"
        case .cutBody: "the receiver closed the connection in the middle of its answer"
        }
    }
}
