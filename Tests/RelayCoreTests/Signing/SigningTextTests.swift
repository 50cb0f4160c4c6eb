import RelayCore
import Testing

/// Secrets, base64 and hexadecimal: the texts that signatures are made of.
@Suite("Signing texts")
struct SigningTextTests {
    @Test(
        "base64 as RFC 4648 section 10 has it",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test("base64 of random bytes of every length comes back")
    func base64RoundTrip() {
        var random = SeededRandom(seed: 9)
        for length in 0...100 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }

    @Test(
        "texts that are no base64",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Zm8", "=Zg=", "Z===", "====", "Zg==Zg==", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-v",
            "Zm_v", "Zmé=",
            // Bits beyond the last byte.
            "Zh==", "Zm9=",
        ])
    func badBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("hexadecimal is lower-case")
    func hexadecimal() {
        #expect(Hexadecimal.encode([0x00, 0x0F, 0x9A, 0xF0, 0xFF]) == "000f9af0ff")
        #expect(Hexadecimal.encode([]) == "")
    }

    @Test("a secret's two keys")
    func secret() throws {
        let secret = try #require(WebhookSecret("whsec_Zm9vYmFy"))
        #expect(secret.standardKey == Array("foobar".utf8))
        #expect(secret.wholeKey == Array("whsec_Zm9vYmFy".utf8))
        #expect(WebhookSecret(randomBytes: Array("foobar".utf8)) == secret)
    }

    @Test(
        "texts that are no secret",
        arguments: ["", "whsec_", "whsec-Zm9v", "Zm9vYmFy", "whsec_Zm9", "WHSEC_Zm9v", " whsec_Zm9v"])
    func badSecret(text: String) {
        #expect(WebhookSecret(text) == nil)
    }
}
