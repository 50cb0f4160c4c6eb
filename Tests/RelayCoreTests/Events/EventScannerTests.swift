import RelayCore
import Testing

/// What a line means, once it is JSON: fields, their rules, and what a refusal says.
@Suite("Event scanner")
struct EventScannerTests {
    private static func line(_ fields: String...) -> String { "{" + fields.joined(separator: ",") + "}" }
    private static let event = #""event":"application.scored""#
    private static let tenant = #""tenantId":"tenant_abc123""#
    private static let data = #""data":{"score":82}"#

    @Test("all fields, in every order")
    func orders() {
        let fields = [
            Self.event, Self.tenant, Self.data, #""timestamp":"2026-05-02T14:32:10.000Z""#, #""id":"order-17""#,
        ]
        for start in fields.indices {
            for reversed in [false, true] {
                var order = Array(fields[start...] + fields[..<start])
                if reversed { order.reverse() }
                let scanned = ScannedLine("{" + order.joined(separator: ",") + "}")
                #expect(scanned.event?.type == 1)
                #expect(scanned.text(\.tenant) == "tenant_abc123")
                #expect(scanned.text(\.id) == "order-17")
                #expect(scanned.text(\.timestamp) == "2026-05-02T14:32:10.000Z")
                #expect(scanned.dataText == #"{"score":82}"#)
            }
        }
    }

    @Test("optional fields are nil where the line has none")
    func optional() {
        let scanned = ScannedLine(Self.line(Self.event, Self.data))
        #expect(scanned.code == nil)
        #expect(scanned.event?.tenant == nil && scanned.event?.id == nil && scanned.event?.timestamp == nil)
    }

    @Test("each built-in type has its index, extra ones follow")
    func types() {
        let catalogue = EventCatalogue(extra: ["interview.booked", "job.created"])
        #expect(catalogue.names == EventCatalogue.builtIn + ["interview.booked"])
        for (index, name) in catalogue.names.enumerated() {
            let scanned = ScannedLine(Self.line("\"event\":\"\(name)\"", Self.data), catalogue: catalogue)
            #expect(scanned.event?.type == index)
        }
    }

    @Test(
        "types that producers can't send",
        arguments: [
            "webhook.failing", "webhook.recovered", "webhook.disabled", "delivery.given_up", "", "application",
            "application.",
            "application.created ", "Application.created", "application.create", "application.createdd",
            "application.*", "*",
            "interview.booked", "job.created\\u0000",
        ])
    func unknownTypes(name: String) {
        let scanned = ScannedLine(Self.line("\"event\":\"\(name)\"", Self.tenant, Self.data))
        #expect(scanned.code == .unknownEvent)
    }

    @Test("strings written with escapes count as what they stand for")
    func escapes() {
        let scanned = ScannedLine(
            #"{"\u0065vent":"job\u002eclosed","tenant\u0049d":"\u0074_\u002D","\u0064ata":{"\u0061":"\u0062"},"#
                + #""id":"\u0041-1","timestamp":"2026-05-02\u005414:32:10\u005A"}"#)
        #expect(scanned.event?.type == 5)
        #expect(scanned.text(\.tenant) == "t_-")
        #expect(scanned.text(\.id) == "A-1")
        #expect(scanned.text(\.timestamp) == "2026-05-02T14:32:10Z")
        #expect(scanned.dataText == #"{"\u0061":"\u0062"}"#)
    }

    @Test(
        "data passes verbatim",
        arguments: [
            "{}", "{ }", #"{"a":1,"a":2}"#, #"{"a" :\#t[ 1 ,2] }"#, #"{"name":"Łucja O'Neill 李 עברית ไทย 👩‍👩‍👧‍👦"}"#,
            #"{"lone":"\ud800","pair":"\ud83d\ude00","slash":"\/"}"#,
            #"{"n":1.50e+03,"big":123456789012345678901234567890}"#,
            #"{"event":"x","tenantId":"y","data":{},"id":1}"#, #"{"quote":"}\"}","b":"\\"}"#, "{\"del\":\"\u{7F}\"}",
            "{\"line\":\"\u{2028}\u{2029}\u{85}\"}",
        ])
    func verbatim(data: String) {
        for spacing in ["", "  "] {
            let scanned = ScannedLine(Self.line(Self.event, Self.tenant, "\"data\":\(spacing)\(data)\(spacing)"))
            #expect(scanned.data == Array(data.utf8))
        }
    }

    @Test(
        "ids and tenants: every allowed character, every neighbour of one refused",
        arguments: ["id", "tenantId"])
    func identifierCharacters(field: String) {
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".unicodeScalars)
        for value in UInt32(0)...0x100 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escape =
                "\\u" + String(repeating: "0", count: 4 - String(value, radix: 16).count)
                + String(value, radix: 16)
            let other = field == "id" ? Self.tenant : #""id":"i""#
            let scanned = ScannedLine(Self.line(Self.event, Self.data, other, "\"\(field)\":\"a\(escape)b\""))
            #expect((scanned.code == nil) == allowed.contains(scalar), "U+\(String(value, radix: 16))")
            if scanned.code != nil { #expect(scanned.code == .invalidField) }
        }
    }

    @Test(
        "ids and tenants: 1 to 64 bytes", arguments: ["id", "tenantId"],
        [(0, false), (1, true), (2, true), (63, true), (64, true), (65, false), (1000, false)])
    func identifierLength(field: String, length: (bytes: Int, isValid: Bool)) {
        let value = String(repeating: "x", count: length.bytes)
        let scanned = ScannedLine(Self.line(Self.event, Self.data, "\"\(field)\":\"\(value)\""))
        #expect(scanned.code == (length.isValid ? nil : .invalidField))
        // Bytes count after unescaping.
        let escaped = String(repeating: "\\u0078", count: length.bytes)
        #expect(ScannedLine(Self.line(Self.event, Self.data, "\"\(field)\":\"\(escaped)\"")).code == scanned.code)
    }

    @Test(
        "wrong types",
        arguments: ["event", "tenantId", "timestamp", "id", "data"],
        ["1", "-0", "true", "false", "null", "[]", "[{}]", "{}", #""x y""#, "{\"a\":1}"])
    func wrongTypes(field: String, value: String) {
        var fields = ["event": #""job.closed""#, "tenantId": #""t""#, "data": "{}"]
        fields[field] = value
        let scanned = ScannedLine("{" + fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}")
        switch (field, value) {
        case ("data", "{}"), ("data", "{\"a\":1}"): #expect(scanned.code == nil)
        case ("event", #""x y""#): #expect(scanned.code == .unknownEvent)
        default:
            #expect(scanned.code == .invalidField)
            #expect(scanned.message?.hasPrefix("\(field) must be ") == true)
        }
    }

    @Test(
        "missing fields",
        arguments: [
            ("{\"data\":{}}", "event"), ("{\"tenantId\":\"t\",\"data\":{}}", "event"),
            ("{\"event\":\"job.closed\",\"tenantId\":\"t\"}", "data"), ("{\"event\":\"job.closed\"}", "data"),
            ("{}", "event"),
        ])
    func missing(line: String, field: String) {
        #expect(ScannedLine(line).code == .missingField)
        #expect(ScannedLine(line).message == "the field \"\(field)\" is missing")
    }

    @Test(
        "unknown keys",
        arguments: [
            "", "Event", "EVENT", "events", "even", "tenant", "tenantid", "tenant_id", "tenantId ", "Data", "dataa",
            "ID", "Id",
            "timestamP", "version", "\\u0000", "id\\u0000", "日本", "\\ud800",
        ])
    func unknownKeys(key: String) {
        let scanned = ScannedLine(Self.line(Self.event, Self.tenant, Self.data, "\"\(key)\":1"))
        #expect(scanned.code == .unknownField)
    }

    @Test(
        "a field that stands there twice, compared after unescaping",
        arguments: [
            (#""event":"job.closed""#, #""\u0065vent":"job.closed""#), (#""tenantId":"t""#, #""tenantI\u0064":1"#),
            (#""data":{}"#, #""data":{}"#), (#""id":"a""#, #""\u0069\u0064":"a""#),
            (#""timestamp":"2026-05-02T14:32:10Z""#, #""timestamp":null"#),
        ])
    func duplicates(first: String, second: String) {
        let others = [#""event":"job.closed""#, #""data":{}"#].filter { !$0.hasPrefix(first.prefix(5)) }
        for order in [[first, second], [second, first]] {
            let scanned = ScannedLine("{" + (order + others).joined(separator: ",") + "}")
            #expect(scanned.code == .duplicateField, "\(order)")
        }
    }

    @Test("a refusal repeats the event's id, if that is valid, whatever is wrong")
    func repeatsID() {
        for broken in [
            #""event":"x""#, #""tenantId":1"#, #""timestamp":"x""#, #""data":[]"#, #""more":1"#, #""id":"order-17""#,
        ] {
            for line in [Self.line(#""id":"order-17""#, broken), Self.line(broken, #""id":"order-17""#)] {
                #expect(ScannedLine(line).refusal?.id == "order-17", "\(line)")
            }
        }
        #expect(ScannedLine(Self.line(Self.event, #""id":"a b""#)).refusal?.id == nil)
        #expect(ScannedLine(#"{"id":"order-17","#).refusal?.id == nil)
    }

    @Test(
        "messages name what and where",
        arguments: [
            (#"{"event":}"#, "unexpected '}' at byte 10"), ("[]", "unexpected '[' at byte 1"),
            ("{} x", "unexpected 'x' at byte 4"),
            ("{\u{1}}", "unexpected byte 0x01 at byte 2"),
            ("{\"\u{1}\"}", "control character 0x01 in a string at byte 3"),
            (#"{"a":"\x"}"#, "invalid escape at byte 7"), (#"{"a":1.}"#, "invalid number at byte 6"),
            (#"{"a":01}"#, "unexpected '1' at byte 7"), (#"{"a""#, "the line ends inside the JSON text"),
            ("", "the line ends inside the JSON text"),
            (#"{"a":1}"#, "unknown field \"a\": an event has event, tenantId, data, timestamp and id"),
            (#"{"id":"a","id":"a"}"#, "the field \"id\" stands there twice"),
            (#"{"event":"é","data":{}}"#, "unknown event type \"é\": known are "),
            (#"{"data":{}}"#, "the field \"event\" is missing"),
        ])
    func messages(line: String, message: String) {
        #expect(ScannedLine(line).message?.hasPrefix(message) == true, "\(ScannedLine(line).message ?? "")")
    }

    @Test("the byte that is no UTF-8 is named, and a long name is cut")
    func longMessages() {
        #expect(ScannedLine([0x7B, 0x22, 0xFF]).message == "the byte 0xff at byte 3 is not UTF-8")
        let exact = ScannedLine("{\"\(String(repeating: "k", count: 64))\":1}")
        #expect(exact.message?.hasPrefix("unknown field \"\(String(repeating: "k", count: 64))\":") == true)
        let long = ScannedLine("{\"\(String(repeating: "k", count: 65))\":1}")
        #expect(long.message?.hasPrefix("unknown field \"\(String(repeating: "k", count: 64))…\":") == true)
    }

    @Test("the first fault of meaning is told; a fault of grammar comes before all")
    func precedence() {
        #expect(ScannedLine(#"{"x":1,"id":"a","id":"b","data":{}}"#).code == .unknownField)
        #expect(ScannedLine(#"{"id":"a","id":"b","x":1,"data":{}}"#).code == .duplicateField)
        #expect(ScannedLine(#"{"x":1,"id":"a","id":"b","data":{}"#).code == .invalidJSON)
    }

    @Test("a scanner keeps nothing from the line before")
    func reuse() {
        var scanner = EventScanner(catalogue: EventCatalogue())
        let lines = [
            #"{"\u0065vent":"job.closed","tenantId":"\u0061","data":{}}"#,
            #"{"event":"job.closed","tenantId":"bb","data":{}}"#,
            #"{"x\u0020":1}"#, #"{"event":"job.closed","tenantId":"c\u0063c","data":{}}"#,
        ]
        var tenants: [String] = []
        for line in lines {
            Array(line.utf8).withUnsafeBytes { bytes in
                if case .success(let event) = scanner.scan(bytes), let tenant = event.tenant {
                    tenants.append(scanner.string(of: tenant, in: bytes))
                }
            }
        }
        #expect(tenants == ["a", "bb", "ccc"])
    }
}
