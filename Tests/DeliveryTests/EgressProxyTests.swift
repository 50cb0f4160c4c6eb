import RelayCore
import Testing

@testable import Delivery

/// What a proxy is asked, and what its answers mean.
@Suite("Egress proxy")
struct EgressProxyTests {
    @Test("the tunnel's request names host and port, and holds the credentials")
    func request() throws {
        let bare = try EgressProxy("http://proxy.example:3128")
        #expect(
            bare.request(to: try WebhookURL("https://hooks.example/a?b"))
                == "CONNECT hooks.example:443 HTTP/1.1\r\nHost: hooks.example:443\r\n\r\n")
        #expect(
            bare.request(to: try WebhookURL("http://[2001:db8::1]/"))
                == "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n")
        let known = try EgressProxy("http://proxy.example:3128", credentials: "Aladdin:open sesame")
        // The example of RFC 7617 section 2.
        #expect(
            known.request(to: try WebhookURL("https://hooks.example:8443/")).hasSuffix(
                "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"))
    }

    @Test("its refusals are told apart by whose fault they are")
    func failures() throws {
        let url = try WebhookURL("https://hooks.example/")
        let bare = try EgressProxy("http://p.example:1")
        let known = try EgressProxy("http://p.example:1", credentials: "a:b")
        let cases: [(EgressProxy, UInt16, AttemptFailure.Kind, String)] = [
            (bare, 407, .host, "hookline.proxy"), (known, 407, .host, "does not take"),
            (known, 401, .host, "does not take"), (bare, 403, .forbidden, "403"),
            (bare, 502, .connect, "can't reach hooks.example:443"), (bare, 301, .connect, "refuses a tunnel"),
            (bare, 405, .connect, "HTTP 405"),
        ]
        for (proxy, status, kind, text) in cases {
            let failure = proxy.failure(status: status, for: url)
            #expect(failure.kind == kind && failure.reason.contains(text), "\(failure)")
        }
    }

    private static func target(_ url: String) throws -> DeliveryTarget {
        let secret = "whsec_" + Base64.encode([UInt8](repeating: 7, count: 32))
        return DeliveryTarget(
            Webhook(
                number: 1, id: "wh_1", tenant: "acme", url: try WebhookURL(url), patterns: [], secret: secret,
                createdAt: 0, madeByAdministrator: true),
            secret: try #require(WebhookSecret(secret)), signatureHeader: "X", userAgent: "y")
    }

    @Test("the address policy holds for what can be known")
    func policy() throws {
        let strict = AddressPolicy(allow: [], requireHTTPS: true)
        let open = AddressPolicy(
            allow: [try EgressRule("127.0.0.1/32"), try EgressRule("10.0.0.0/8")], requireHTTPS: false)
        let refused = [
            "https://169.254.169.254/", "https://10.1.1.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
            "https://localhost/", "https://x.localhost/", "http://hooks.example/", "http://1.1.1.1/",
        ]
        for url in refused { #expect(strict.refusalThroughProxy(of: try Self.target(url)) != nil, "\(url)") }
        for url in ["https://hooks.example/", "https://1.1.1.1/", "https://localhost.example/"] {
            #expect(strict.refusalThroughProxy(of: try Self.target(url)) == nil, "\(url)")
        }
        for url in ["https://10.1.1.1/", "http://localhost/", "http://hooks.example/"] {
            #expect(open.refusalThroughProxy(of: try Self.target(url)) == nil, "\(url)")
        }
        #expect(open.refusalThroughProxy(of: try Self.target("https://169.254.169.254/")) != nil)
    }
}
