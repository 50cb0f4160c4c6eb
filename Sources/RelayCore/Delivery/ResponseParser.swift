/// Reads responses from a receiver (RFC 9112), one after the other, strictly and within bounds.
///
/// Bytes go in as they come, steps come out. Interim responses (1xx but 101) are passed over; bodies are handed on as they
/// are, without any decompression. What is copied is at most one unfinished line.
package struct ResponseParser: Sendable {
    /// What a request asked for decides what its answer looks like.
    package enum Request: Sendable {
        case post
        /// A 2xx answer to CONNECT has no body, whatever its fields say (RFC 9112 section 6.3).
        case connect
    }

    package enum Step: Equatable, Sendable {
        /// All bytes are taken.
        case needsMore
        case head(ResponseHead)
        /// A piece of the body: where it is in the bytes.
        case body(Range<Int>)
        /// The response is over; bytes that are left were not asked for.
        case end
        /// Nothing that follows can be understood.
        case failed(ResponseFault)
    }

    private enum State: Equatable, Sendable {
        case statusLine
        case fields
        case body(left: UInt64)
        case bodyUntilClose
        case chunkSize
        case chunkData(left: UInt64)
        case chunkEnd
        case trailers
        case atEnd
        case over
        case broken(ResponseFault)
    }

    private enum Line {
        case unfinished
        case whole(from: Int, to: Int)
        case carried([UInt8])
        case bad(ResponseFault)
    }

    private let request: Request
    private var state = State.statusLine
    private var carry: [UInt8] = []
    private var headBytes = 0
    private var fieldCount = 0
    private var status: UInt16 = 0
    private var isPersistent = true
    private var isOldVersion = false
    private var length: UInt64?
    private var encoding: Encoding?
    private var fields = ResponseFields()

    private enum Encoding: Equatable, Sendable { case chunked, other }

    package init(_ request: Request = .post) {
        self.request = request
    }

    /// Whether the connection can be used for another request when the response has ended (RFC 9112 section 9.3).
    package var keepsConnection: Bool { state == .over && isPersistent }

    /// Whether any byte of the response has come.
    package var hasBegun: Bool { state != .statusLine || headBytes > 0 }

    /// Takes bytes from `offset` on.
    ///
    /// - Parameter offset: moved on past what was taken.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Step {
        while true {
            switch state {
            case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
                switch takeLine(bytes, &offset) {
                case .unfinished:
                    if state == .statusLine, let fault = beginningFault() { return fail(fault) }
                    return .needsMore
                case .bad(let fault):
                    return fail(fault)
                case .whole(let from, let to):
                    if let step = take(UnsafeRawBufferPointer(rebasing: bytes[from..<to])) { return step }
                case .carried(let line):
                    if let step = line.withUnsafeBytes({ take($0) }) { return step }
                }
            case .body(let left):
                guard offset < bytes.count else { return .needsMore }
                let range = offset..<offset + Int(min(left, UInt64(bytes.count - offset)))
                offset = range.upperBound
                let rest = left - UInt64(range.count)
                state = rest == 0 ? .atEnd : .body(left: rest)
                return .body(range)
            case .bodyUntilClose:
                guard offset < bytes.count else { return .needsMore }
                let range = offset..<bytes.count
                offset = bytes.count
                return .body(range)
            case .chunkData(let left):
                guard offset < bytes.count else { return .needsMore }
                let range = offset..<offset + Int(min(left, UInt64(bytes.count - offset)))
                offset = range.upperBound
                let rest = left - UInt64(range.count)
                state = rest == 0 ? .chunkEnd : .chunkData(left: rest)
                return .body(range)
            case .atEnd:
                state = .over
                return .end
            case .over:
                return .needsMore
            case .broken(let fault):
                return .failed(fault)
            }
        }
    }

    /// The input has ended.
    ///
    /// - Returns: `end` where that is how the response ends, else why it is not whole.
    package mutating func finish() -> Step {
        switch state {
        case .bodyUntilClose, .atEnd, .over:
            state = .over
            return .end
        case .statusLine: return fail(hasBegun ? .cutHead : .nothing)
        case .fields: return fail(.cutHead)
        case .body, .chunkSize, .chunkData, .chunkEnd, .trailers: return fail(.cutBody)
        case .broken(let fault): return .failed(fault)
        }
    }

    private mutating func fail(_ fault: ResponseFault) -> Step {
        state = .broken(fault)
        carry = []
        return .failed(fault)
    }

    // MARK: Lines

    /// Takes a line with its CRLF, which is not part of what is handed on.
    private mutating func takeLine(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Line {
        let start = offset
        var index = start
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        let isWhole = index < bytes.count
        offset = isWhole ? index + 1 : index
        headBytes += offset - start
        // Chunks' sizes and trailers are counted with the body by whoever bounds that.
        let countsAsHead = state == .statusLine || state == .fields
        guard countsAsHead ? headBytes <= Limits.responseHeadBytes : carry.count < Limits.responseHeadBytes else {
            return .bad(countsAsHead ? .headTooLarge : .chunk)
        }
        guard isWhole else {
            carry.append(contentsOf: bytes[start..<index])
            return .unfinished
        }
        if carry.isEmpty {
            guard index > start, bytes[index - 1] == 0x0D else {
                return .bad(lineFeedFault(UnsafeRawBufferPointer(rebasing: bytes[start..<index])))
            }
            return .whole(from: start, to: index - 1)
        }
        var line: [UInt8] = []
        swap(&line, &carry)
        line.append(contentsOf: bytes[start..<index])
        guard line.last == 0x0D else { return .bad(line.withUnsafeBytes { lineFeedFault($0) }) }
        line.removeLast()
        return .carried(line)
    }

    /// What a line without CR is: what it begins with may say more.
    private func lineFeedFault(_ line: UnsafeRawBufferPointer) -> ResponseFault {
        switch state {
        case .statusLine: Self.beginningFault(line) ?? .bareLineFeed
        case .fields: .bareLineFeed
        default: .chunk
        }
    }

    /// Takes a whole line.
    ///
    /// - Returns: nil if there is nothing to tell yet.
    private mutating func take(_ line: UnsafeRawBufferPointer) -> Step? {
        switch state {
        case .statusLine: return takeStatusLine(line)
        case .fields: return line.isEmpty ? takeHeadEnd() : takeField(line)
        case .chunkSize: return takeChunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { return fail(.chunk) }
            state = .chunkSize
            return nil
        case .trailers:
            // Trailers say nothing about a delivery.
            guard line.isEmpty else { return nil }
            state = .over
            return .end
        case .body, .bodyUntilClose, .chunkData, .atEnd, .over, .broken:
            return nil
        }
    }

    // MARK: Status line

    private static let beginning: StaticString = "HTTP/1."

    /// Why what has come of the first line can't become a status line.
    private func beginningFault() -> ResponseFault? {
        carry.withUnsafeBytes { Self.beginningFault($0) }
    }

    private static func beginningFault(_ line: UnsafeRawBufferPointer) -> ResponseFault? {
        for index in 0..<min(line.count, beginning.utf8CodeUnitCount)
        where line[index] != beginning.utf8Start[index] {
            // The types of TLS records (RFC 8446 section 5.1), and the version that all of them name.
            if line[0] >= 0x14, line[0] <= 0x17 {
                if line.count == 1 { return nil }
                if line[1] == 3 { return .tls }
            }
            return index >= 5 ? .version : .notHTTP
        }
        return nil
    }

    private mutating func takeStatusLine(_ line: UnsafeRawBufferPointer) -> Step? {
        if let fault = Self.beginningFault(line) { return fail(fault) }
        guard line.count >= Self.beginning.utf8CodeUnitCount else { return fail(line.count < 5 ? .notHTTP : .version) }
        guard line.count >= 12, Self.isDigit(line[7]), line[8] == 0x20,
            line[9] >= 0x31, Self.isDigit(line[9]), Self.isDigit(line[10]), Self.isDigit(line[11]),
            // The space before an empty reason is left out by some.
            line.count == 12 || line[12] == 0x20
        else { return fail(.statusLine) }
        guard Self.isFreeOfControls(UnsafeRawBufferPointer(rebasing: line[12...])) else {
            return fail(.controlCharacter)
        }
        status = UInt16(line[9] - 0x30) * 100 + UInt16(line[10] - 0x30) * 10 + UInt16(line[11] - 0x30)
        isPersistent = line[7] != 0x30
        isOldVersion = line[7] == 0x30
        length = nil
        encoding = nil
        state = .fields
        return nil
    }

    // MARK: Fields

    private mutating func takeField(_ line: UnsafeRawBufferPointer) -> Step? {
        fieldCount += 1
        guard fieldCount <= Limits.responseHeaderFields else { return fail(.tooManyFields) }
        if line[0] == 0x20 || line[0] == 0x09 { return fail(.foldedField) }
        var colon = 0
        while colon < line.count, Self.isToken(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else { return fail(.fieldName) }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        let value = Self.trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
        guard Self.isFreeOfControls(value) else { return fail(.controlCharacter) }
        switch name.count {
        case 10 where Self.equals(name, "connection"): takeConnection(value)
        case 14 where Self.equals(name, "content-length"): if let fault = takeLength(value) { return fail(fault) }
        case 17 where Self.equals(name, "transfer-encoding"):
            if let fault = takeEncoding(value) { return fail(fault) }
        case 11 where Self.equals(name, "retry-after"): keep(ResponseFields.kept[0], value)
        case 16 where Self.equals(name, "webhook-delivery"): keep(ResponseFields.kept[1], value)
        default: break
        }
        return nil
    }

    private mutating func keep(_ name: String, _ value: UnsafeRawBufferPointer) {
        guard value.count <= ResponseFields.valueBytesMax else { return }
        fields.add(name, String(decoding: value, as: UTF8.self))
    }

    private mutating func takeConnection(_ value: UnsafeRawBufferPointer) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let option = Self.trimmed(UnsafeRawBufferPointer(rebasing: option))
            if Self.equals(option, "close") { isPersistent = false }
            // Those of HTTP/1.0 that can do it say so.
            if isOldVersion, Self.equals(option, "keep-alive") { isPersistent = true }
        }
    }

    private mutating func takeLength(_ value: UnsafeRawBufferPointer) -> ResponseFault? {
        if length != nil { return .contentLengths }
        guard !value.isEmpty, value.count <= 18, value.allSatisfy({ Self.isDigit($0) }) else {
            // A list is several of them in one field.
            return value.contains(UInt8(ascii: ",")) ? .contentLengths : .contentLength
        }
        length = value.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
        return nil
    }

    private mutating func takeEncoding(_ value: UnsafeRawBufferPointer) -> ResponseFault? {
        guard encoding == nil else { return .transferEncoding }
        let codings = value.split(separator: UInt8(ascii: ",")).map {
            Self.trimmed(UnsafeRawBufferPointer(rebasing: $0))
        }
        let chunked = codings.count { Self.equals($0, "chunked") }
        guard !codings.isEmpty else { return .transferEncoding }
        if chunked == 0 {
            encoding = .other
        } else {
            guard chunked == 1, let last = codings.last, Self.equals(last, "chunked") else { return .transferEncoding }
            encoding = .chunked
        }
        return nil
    }

    /// The empty line after the fields (RFC 9112 section 6.3).
    private mutating func takeHeadEnd() -> Step? {
        if length != nil, encoding != nil { return fail(.lengthAndEncoding) }
        if (100...199).contains(status), status != 101 {
            fields = ResponseFields()
            state = .statusLine
            return nil
        }
        let hasNoBody = status == 204 || status == 304 || (request == .connect && (200...299).contains(status))
        if status == 101 {
            // What comes after it would be in another protocol.
            isPersistent = false
            state = .atEnd
        } else if hasNoBody {
            // Whoever announces a body that there can't be may send one.
            if request == .post, status == 204, encoding != nil || (length ?? 0) > 0 { isPersistent = false }
            state = .atEnd
        } else if encoding == .chunked, !isOldVersion {
            state = .chunkSize
        } else if let length {
            state = length == 0 ? .atEnd : .body(left: length)
        } else {
            isPersistent = false
            state = .bodyUntilClose
        }
        return .head(ResponseHead(status: status, fields: fields))
    }

    // MARK: Chunks

    private mutating func takeChunkSize(_ line: UnsafeRawBufferPointer) -> Step? {
        var size: UInt64 = 0
        var digits = 0
        while digits < line.count, let value = Self.hexadecimal(line[digits]) {
            guard digits < 15 else { return fail(.chunk) }
            size = size << 4 | UInt64(value)
            digits += 1
        }
        // Extensions mean nothing to anybody.
        guard digits > 0, digits == line.count || Self.endsChunkSize(line[digits]),
            Self.isFreeOfControls(UnsafeRawBufferPointer(rebasing: line[digits...]))
        else { return fail(.chunk) }
        state = size == 0 ? .trailers : .chunkData(left: size)
        return nil
    }

    private static func endsChunkSize(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ";") || byte == 0x20 || byte == 9 }
}
