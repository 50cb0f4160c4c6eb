import Testing

@testable import Relay

/// The proxy's credentials, which are in no file of settings.
@Suite("Configuration, proxy")
struct ConfigurationProxyTests {
    @Test("a line with a colon is taken as it is, without its end")
    func good() throws {
        let cases = [
            ("relay:s3cret", "relay:s3cret"), ("relay:s3cret\n", "relay:s3cret"), ("relay:s3cret\r\n", "relay:s3cret"),
            ("a:", "a:"), ("a:b:c", "a:b:c"), (" a : b ", " a : b "), ("ü:ö", "ü:ö"),
            ("a:" + String(repeating: "x", count: 1022), "a:" + String(repeating: "x", count: 1022)),
        ]
        for (text, expected) in cases {
            var configuration = Configuration()
            try configuration.useProxyCredentials(text, file: "/run/credentials/hookline.proxy")
            #expect(configuration.egress.proxyCredentials == expected)
        }
    }

    @Test("anything else is refused without being repeated")
    func bad() {
        let cases = [
            "", "\n", "s3cret", ":s3cret", "a:s3cret\n\n", "a:s3cret\nb:c", "a:s3cret\r\nX: y", "a:s3cret\u{7F}",
            "a:s3cret\0", "a:s3cret" + String(repeating: "x", count: 1017),
        ]
        for text in cases {
            var configuration = Configuration()
            do throws(ConfigurationErrors) {
                try configuration.useProxyCredentials(text, file: "/run/credentials/hookline.proxy")
                Issue.record("taken: \(text.debugDescription)")
            } catch {
                #expect(error.errors.map(\.key) == ["egress.proxy"])
                #expect(!error.description.contains("s3cret"))
            }
        }
    }

    @Test("the tunnel has what was configured, and is none without a proxy")
    func tunnel() throws {
        var egress = Configuration.Egress()
        egress.proxyCredentials = "a:b"
        #expect(egress.tunnel == nil)
        egress.proxy = "http://proxy.example:3128"
        let tunnel = try #require(egress.tunnel)
        egress.proxyCredentials = nil
        #expect(egress.tunnel != nil && egress.tunnel != tunnel)
    }
}
