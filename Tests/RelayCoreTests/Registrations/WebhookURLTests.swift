import RelayCore
import Testing

@Suite("Webhook URLs")
struct WebhookURLTests {
    @Test(
        "hosts, ports and targets",
        arguments: [
            ("https://hooks.example", "https://hooks.example", "hooks.example", 443, "/"),
            ("http://hooks.example/", "http://hooks.example", "hooks.example", 80, "/"),
            ("HTTPS://Hooks.EXAMPLE:443/A?b=C", "https://hooks.example", "hooks.example", 443, "/A?b=C"),
            ("http://hooks.example:443", "http://hooks.example:443", "hooks.example:443", 443, "/"),
            ("https://h.example:1/x", "https://h.example:1", "h.example:1", 1, "/x"),
            ("https://h.example:65535", "https://h.example:65535", "h.example:65535", 65535, "/"),
            ("https://h.example?q", "https://h.example", "h.example", 443, "/?q"),
            ("https://h.example/?", "https://h.example", "h.example", 443, "/?"),
            ("https://h.example./a//b/../c", "https://h.example", "h.example", 443, "/a//b/../c"),
            ("https://localhost/%2f%7E", "https://localhost", "localhost", 443, "/%2f%7E"),
            (
                "https://under_score.x-n.example/a?b[]=1&c=@:;,!$'()*+", "https://under_score.x-n.example",
                "under_score.x-n.example", 443, "/a?b[]=1&c=@:;,!$'()*+"
            ),
            ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example", "xn--bcher-kva.example", 443, "/"),
            ("https://1.example.0xg/", "https://1.example.0xg", "1.example.0xg", 443, "/"),
            ("http://127.0.0.1:8080/h", "http://127.0.0.1:8080", "127.0.0.1:8080", 8080, "/h"),
            ("http://127.0.0.1./", "http://127.0.0.1", "127.0.0.1", 80, "/"),
            ("http://[::1]/", "http://[::1]", "[::1]", 80, "/"),
            ("https://[2001:DB8:0::1]:8443/h", "https://[2001:db8::1]:8443", "[2001:db8::1]:8443", 8443, "/h"),
        ])
    func accepted(text: String, origin: String, hostHeader: String, port: UInt16, target: String) throws {
        let url = try WebhookURL(text)
        #expect(url.origin == origin)
        #expect(url.hostHeader == hostHeader)
        #expect(url.port == port)
        #expect(url.requestTarget == target)
        #expect(url.text == text)
    }

    @Test("names and addresses are told apart")
    func hosts() throws {
        #expect(try WebhookURL("https://A.example").host == .name("a.example"))
        #expect(try WebhookURL("https://10.0.0.1").host == .address(.v4(0x0A00_0001)))
        #expect(try WebhookURL("https://[::1]").host == .address(.v6(high: 0, low: 1)))
    }

    @Test(
        "refusals",
        arguments: [
            ("", WebhookURLError.empty), ("hooks.example", .scheme), ("ftp://h.example", .scheme),
            ("https:/h", .scheme),
            ("://h.example", .scheme), ("httpss://h.example", .scheme), ("//h.example", .scheme),
            ("https://", .emptyHost), ("https:///path", .emptyHost), ("https://:443", .emptyHost),
            ("https://.", .emptyHost), ("https://user@h.example", .credentials),
            ("https://user:secret@h.example", .credentials), ("https://@h.example", .credentials),
            ("https://h.example:", .port("")), ("https://h.example:0", .port("0")),
            ("https://h.example:65536", .port("65536")), ("https://h.example:0443", .port("0443")),
            ("https://h.example:+1", .port("+1")), ("https://[::1]:x", .port("x")),
            ("http://0177.0.0.1", .ambiguousAddress("0177.0.0.1")),
            ("http://0x7f.0.0.1", .ambiguousAddress("0x7f.0.0.1")),
            ("http://127.1", .ambiguousAddress("127.1")), ("http://2130706433", .ambiguousAddress("2130706433")),
            ("http://0x7f000001", .ambiguousAddress("0x7f000001")), ("http://0X7F.1", .ambiguousAddress("0X7F.1")),
            ("http://127.0.0.256", .ambiguousAddress("127.0.0.256")), ("http://a.1", .ambiguousAddress("a.1")),
            ("http://a.0x", .ambiguousAddress("a.0x")), ("http://1.2.3.4.5", .ambiguousAddress("1.2.3.4.5")),
            ("http://127.0.0.1..", .badLabel("")), ("http://::1/", .badIPv6("::1")), ("http://[::1", .badIPv6("[::1")),
            ("http://[127.0.0.1]", .badIPv6("127.0.0.1")), ("http://[::1]a", .badIPv6("[::1]a")),
            ("http://[fe80::1%25eth0]/", .zoneID), ("http://[fe80::1%eth0]/", .zoneID),
            ("https://bücher.example", .nonASCIIHost), ("https://h。example", .nonASCIIHost),
            ("https://a..example", .badLabel("")), ("https://.a.example", .badLabel("")),
            ("https://-a.example", .badLabel("-a")), ("https://a-.example", .badLabel("a-")),
            ("https://a%2eb.example", .badLabel("a%2eb")), ("https://a,b.example", .badLabel("a,b")),
            ("https://h.example/a b", .space(byte: 20)), (" https://h.example", .space(byte: 1)),
            ("https://h.example/\r\nX: y", .controlCharacter(byte: 19)),
            ("https://h.example/\u{7F}", .controlCharacter(byte: 19)),
            ("https://h.example\t", .controlCharacter(byte: 18)),
            ("https://h.example\\@e.example", .backslash(byte: 18)),
            ("https://h.example/é", .nonASCII(byte: 19)), ("https://h.example/#a", .fragment),
            ("https://h.example#", .fragment), ("https://h.example/%", .percentEncoding(byte: 19)),
            ("https://h.example/%2", .percentEncoding(byte: 19)), ("https://h.example/%2g", .percentEncoding(byte: 19)),
            ("https://h.example/?a=%zz", .percentEncoding(byte: 22)),
            ("https://h.example/<", .unsafeCharacter("<", byte: 19)),
            ("https://h.example/\"", .unsafeCharacter("\"", byte: 19)),
        ])
    func refused(text: String, error: WebhookURLError) {
        #expect(throws: error) { try WebhookURL(text) }
        #expect(error.message.count > 10)
    }

    @Test("lengths: URL, name and label at their bounds")
    func lengths() throws {
        let base = "https://h.example/"
        let longest = base + String(repeating: "a", count: WebhookURL.bytesMax - base.utf8.count)
        #expect(try WebhookURL(longest).text == longest)
        #expect(throws: WebhookURLError.tooLong(2049)) { try WebhookURL(longest + "a") }

        let label = String(repeating: "a", count: 63)
        #expect(try WebhookURL("https://\(label).example").host == .name("\(label).example"))
        #expect(throws: WebhookURLError.badLabel(label + "a")) { try WebhookURL("https://\(label)a.example") }

        let name = [label, label, label, String(label.dropLast(2))].joined(separator: ".")
        #expect(name.utf8.count == 253)
        #expect(try WebhookURL("https://\(name)").host == .name(name))
        #expect(try WebhookURL("https://\(name).").host == .name(name))
        #expect(throws: WebhookURLError.hostTooLong(254)) { try WebhookURL("https://\(name)a") }
    }

    @Test("an internationalized name is told about its A-label form")
    func message() {
        #expect(WebhookURLError.nonASCIIHost.message.contains("xn--"))
    }
}
