import Testing

@testable import RelayCore

/// Responses as receivers write them, and as they should not.
@Suite("Response parser")
struct ResponseParserTests {
    /// What came out, with bodies put together.
    struct Reading: Equatable {
        var heads: [UInt16] = []
        var body = ""
        var isWhole = false
        var fault: ResponseFault?
        /// Bytes that nobody asked for.
        var left = 0
        var keepsConnection = false
    }

    /// - Parameters:
    ///   - pieces: how the bytes come.
    ///   - isClosed: whether the connection ends after them.
    private static func read(
        _ pieces: [[UInt8]], isClosed: Bool = false, for request: ResponseParser.Request = .post
    ) -> Reading {
        var parser = ResponseParser(request)
        var reading = Reading()
        func take(_ step: ResponseParser.Step, _ bytes: UnsafeRawBufferPointer) -> Bool {
            switch step {
            case .needsMore: return false
            case .head(let head): reading.heads.append(head.status)
            case .body(let range): reading.body += String(decoding: bytes[range], as: UTF8.self)
            case .end:
                reading.isWhole = true
                return false
            case .failed(let fault):
                reading.fault = fault
                return false
            }
            return true
        }
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                var offset = 0
                if !reading.isWhole { while take(parser.next(bytes, &offset), bytes) {} }
                reading.left += bytes.count - offset
            }
        }
        if isClosed, !reading.isWhole, reading.fault == nil {
            _ = take(parser.finish(), UnsafeRawBufferPointer(start: nil, count: 0))
        }
        reading.keepsConnection = parser.keepsConnection
        return reading
    }

    /// Reads it in one piece and byte by byte: both must come to the same.
    private static func read(
        _ text: String, isClosed: Bool = false, for request: ResponseParser.Request = .post
    ) -> Reading {
        let bytes = Array(text.utf8)
        let whole = read([bytes], isClosed: isClosed, for: request)
        let single = read(bytes.map { [$0] }, isClosed: isClosed, for: request)
        var comparable = single
        comparable.left = whole.left
        if whole.fault == nil { #expect(comparable == whole) } else { #expect(single.fault == whole.fault) }
        return whole
    }

    // MARK: Whole answers

    struct Good: Sendable {
        let text: String
        let status: UInt16
        var body = ""
        var keeps = true
        var isClosed = false
    }

    static let good: [Good] = [
        Good(text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"),
        Good(text: "HTTP/1.1 204 No Content\r\n\r\n", status: 204),
        Good(text: "HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", status: 200),
        Good(text: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", status: 200),
        Good(text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", status: 304),
        Good(text: "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", status: 204, keeps: false),
        Good(text: "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", status: 999),
        Good(text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", status: 200, keeps: false),
        Good(text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", keeps: false),
        Good(text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok", status: 200, body: "ok"),
        Good(
            text: "HTTP/1.0 200 OK\r\n\r\nuntil the end", status: 200, body: "until the end", keeps: false,
            isClosed: true),
        Good(
            text: "HTTP/1.1 500 Oh\r\n\r\nuntil the end", status: 500, body: "until the end", keeps: false,
            isClosed: true),
        Good(
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"),
        Good(
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
                + "1;a=\"b\"\r\no\r\n00A\r\n0123456789\r\n000\r\nChecksum: 1\r\nX: y\r\n\r\n",
            status: 200, body: "o0123456789"),
        Good(
            text: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 200, body: "0\r\n\r\n",
            keeps: false, isClosed: true),
        Good(
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx", status: 200, body: "xx", keeps: false,
            isClosed: true),
        Good(
            text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n"
                + "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
            status: 202),
        Good(text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", status: 101, keeps: false),
        Good(text: "HTTP/1.1 200 \u{FC}\r\nX: \u{FC} \t\u{FC}\t \r\nContent-Length: 0\r\n\r\n", status: 200),
        Good(text: "HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200),
    ]

    @Test("a whole answer is read to its end, in one piece and byte by byte", arguments: good)
    func whole(_ good: Good) {
        let reading = Self.read(good.text, isClosed: good.isClosed)
        #expect(
            reading
                == Reading(
                    heads: [good.status], body: good.body, isWhole: true, keepsConnection: good.keeps), "\(good.text)")
    }

    @Test("an answer to CONNECT has no body if it is a success")
    func connect() {
        let reading = Self.read(
            "HTTP/1.1 200 Connection established\r\nContent-Length: 4\r\n\r\n\u{16}", for: .connect)
        #expect(reading == Reading(heads: [200], isWhole: true, left: 1, keepsConnection: true))
        let refusal = Self.read("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", for: .connect)
        #expect(refusal.body == "no" && refusal.isWhole)
    }

    @Test("what follows an answer is left over")
    func pipelined() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        #expect(Self.read(answer + answer).left == answer.utf8.count)
        #expect(Self.read(answer + "\r\n").left == 2)
    }

    @Test("fields that are asked for are kept, of the final response only")
    func fields() {
        var parser = ResponseParser()
        var offset = 0
        let long = String(repeating: "9", count: ResponseFields.valueBytesMax + 1)
        let text =
            "HTTP/1.1 103 Early\r\nRetry-After: 1\r\n\r\nHTTP/1.1 503 Busy\r\nRETRY-AFTER:  120 \r\n"
            + "Retry-After: 7\r\nwebhook-delivery: \(long)\r\n\r\n"
        let step = Array(text.utf8).withUnsafeBytes { parser.next($0, &offset) }
        guard case .head(let head) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(head.fields.first(name: "retry-after") == "120")
        #expect(head.fields["retry-after"] == ["120", "7"])
        #expect(head.fields.first(name: "webhook-delivery") == nil)
    }

    // MARK: Malformed ones

    static let bad: [(String, ResponseFault)] = [
        ("SSH-2.0-OpenSSH_9.2p1\r\n", .notHTTP),
        ("220 mail.example ESMTP\r\n", .notHTTP),
        ("http/1.1 200 OK\r\n\r\n", .notHTTP),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .notHTTP),
        (" HTTP/1.1 200 OK\r\n\r\n", .notHTTP),
        ("\0\0\u{6}\u{4}\0\0\0\0\0\0", .notHTTP),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}P", .tls),
        ("HTTP/2 200 OK\r\n\r\n", .version),
        ("HTTP/2.0 200 OK\r\n\r\n", .version),
        ("HTTP/0.9 200 OK\r\n\r\n", .version),
        ("HTTP/1.x 200 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1\r\n\r\n", .statusLine),
        ("HTTP/1.1 20\r\n\r\n", .statusLine),
        ("HTTP/1.1 2000\r\n\r\n", .statusLine),
        ("HTTP/1.1 +20 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1\t200 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 OK 200\r\n\r\n", .statusLine),
        ("HTTP/1.1 200OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 200 O\u{1}K\r\n\r\n", .controlCharacter),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", .controlCharacter),
        ("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", .controlCharacter),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\n\tX: a\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", .fieldName),
        ("HTTP/1.1 200 OK\r\n: x\r\n\r\n", .fieldName),
        ("HTTP/1.1 200 OK\r\nnothing\r\n\r\n", .fieldName),
        ("HTTP/1.1 200 OK\r\nX\u{FC}: x\r\n\r\n", .fieldName),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", .contentLengths),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .contentLengths),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .contentLengths),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .lengthAndEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", .transferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .transferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", .transferEncoding),
        // A malformed interim response is no better.
        ("HTTP/1.1 100 Continue\r\nX\r\n\r\n", .fieldName),
    ]

    @Test("a malformed or ambiguous head is no head", arguments: bad)
    func malformed(_ text: String, _ fault: ResponseFault) {
        // Those with bytes above ASCII are UTF-8 here: two bytes each.
        let reading = Self.read(text)
        #expect(reading.fault == fault, "\(text)")
        #expect(reading.heads.isEmpty)
        #expect(!reading.keepsConnection)
    }

    @Test(
        "a bad body leaves the head as it was",
        arguments: [
            "x\r\n", "\r\n", "-1\r\n", " 5\r\nhello\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "FFFFFFFFFFFFFFFF\r\n", "5_\r\nhello\r\n", "5;\u{1}\r\nhello\r\n",
        ])
    func badChunks(_ body: String) {
        let reading = Self.read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        #expect(reading.heads == [200])
        #expect(reading.fault == .chunk, "\(body)")
        #expect(!reading.keepsConnection)
    }

    @Test("an answer that is cut off is known by where")
    func cut() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        let head = whole.utf8.count - 2
        for count in 0..<whole.utf8.count {
            let reading = Self.read([Array(whole.utf8.prefix(count))], isClosed: true)
            #expect(reading.fault == (count == 0 ? .nothing : count < head ? .cutHead : .cutBody), "\(count)")
        }
        for end in ["", "2", "2\r\n", "2\r\no", "2\r\nok\r\n", "2\r\nok\r\n0\r\n", "2\r\nok\r\n0\r\nX: y\r\n"] {
            let reading = Self.read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + end, isClosed: true)
            #expect(reading.fault == .cutBody, "\(end)")
        }
    }

    // MARK: Bounds

    @Test("a head has its bounds, wherever it goes on and on")
    func bounds() {
        let line = "HTTP/1.1 200 OK\r\n"
        let bytes = Limits.responseHeadBytes
        func filled(to count: Int) -> [UInt8] {
            let name = "X: "
            return Array((line + name + String(repeating: "x", count: count - line.utf8.count - 7) + "\r\n\r\n").utf8)
        }
        #expect(filled(to: bytes).count == bytes)
        #expect(Self.read([filled(to: bytes)]).heads == [200])
        #expect(Self.read([filled(to: bytes + 1)]).fault == .headTooLarge)
        // Without a line's end: no more is waited for.
        #expect(Self.read([Array(line.utf8), [UInt8](repeating: 0x78, count: bytes)]).fault == .headTooLarge)
        #expect(
            Self.read([Array("HTTP/1.1 200 ".utf8), [UInt8](repeating: 0x78, count: bytes)]).fault == .headTooLarge)
        let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        #expect(Self.read(Array(repeating: interim, count: bytes / interim.count + 1)).fault == .headTooLarge)
        func fields(_ count: Int) -> Reading { Self.read(line + String(repeating: "A:b\r\n", count: count) + "\r\n") }
        #expect(fields(Limits.responseHeaderFields).heads == [200])
        #expect(fields(Limits.responseHeaderFields + 1).fault == .tooManyFields)
    }

    @Test("any bytes at all come to an end without harm", arguments: 0..<8 as Range<UInt64>)
    func noise(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let parts = [
            "HTTP/1.1 ", "200 OK\r\n", "100 Continue\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
            "\r\n",
            "\n", "5\r\nhello\r\n", "0\r\n\r\n", "Connection: close\r\n", ":", " ", "\r", "\0", "\u{15}\u{3}",
            "FFFFFFFFF\r\n",
        ]
        for _ in 0..<3_000 {
            var text = random(2) == 0 ? "HTTP/1.1 200 OK\r\n" : ""
            for _ in 0..<random(12) { text += parts[random(parts.count)] }
            var bytes = Array(text.utf8)
            if random(3) == 0, !bytes.isEmpty { bytes[random(bytes.count)] = UInt8(random(256)) }
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = 1 + random(rest.count)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let whole = Self.read([bytes], isClosed: true)
            let cut = Self.read(pieces, isClosed: true)
            #expect(
                whole.heads == cut.heads && whole.body == cut.body && whole.fault == cut.fault,
                "\(whole) \(cut) \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            #expect(whole.heads.count <= 1)
        }
    }
}
