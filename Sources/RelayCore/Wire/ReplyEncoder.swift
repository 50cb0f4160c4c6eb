/// Reply lines to producers, as bytes with their LF.
package enum ReplyEncoder {
    /// `{"ok":true,"id":"evt_01JD…","webhooks":2}`
    @inline(__always)
    package static func appendAcceptance(
        of event: EventRecord, isDuplicate: Bool, journal: JournalID, to text: inout [UInt8]
    ) {
        append("{\"ok\":true,\"id\":\"", to: &text)
        event.appendID(in: journal, to: &text)
        append("\",\"webhooks\":", to: &text)
        append(event.takingWebhooks, to: &text)
        append(isDuplicate ? ",\"duplicate\":true}\n" : "}\n", to: &text)
    }

    /// `{"ok":false,"line":3,"error":"invalid_json","message":"…"}`
    package static func append(_ refusal: Refusal, line: Int, to text: inout [UInt8]) {
        text.append(contentsOf: "{\"ok\":false,\"line\":".utf8)
        append(line, to: &text)
        if let id = refusal.id {
            text.append(contentsOf: ",\"id\":".utf8)
            JSONText.append(id, to: &text)
        }
        text.append(contentsOf: ",\"error\":\"".utf8)
        text.append(contentsOf: refusal.code.rawValue.utf8)
        text.append(contentsOf: "\",\"message\":".utf8)
        JSONText.append(refusal.message, to: &text)
        if let milliseconds = refusal.retryAfterMilliseconds {
            text.append(contentsOf: ",\"retryAfterMs\":".utf8)
            append(milliseconds, to: &text)
        }
        text.append(contentsOf: "}\n".utf8)
    }

    /// Appends by address: a `String` would be looked into first, at every reply.
    @inline(__always)
    private static func append(_ literal: StaticString, to text: inout [UInt8]) {
        text.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends a number that is not negative, in decimal.
    package static func append(_ number: Int, to text: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(number / divisor % 10) + UInt8(ascii: "0"))
            divisor /= 10
        }
    }
}
