import CChecksum
import RelayCore
import Testing

/// Fingerprints are on disk: they must never come out otherwise.
@Suite("Event fingerprint")
struct EventFingerprintTests {
    /// What another implementation says under a key of zeros: CPython's `hash()` of bytes, which is SipHash-1-3.
    @Test(
        "SipHash-1-3 agrees with another implementation",
        arguments: [
            ("a", 0x4074_48D2_B89B_1813), ("1234567", 0xA33D_6515_94FD_AE81), ("12345678", 0x3489_9824_3056_0A87),
            ("123456789", 0x0FBC_0F00_0796_5FCF),
        ] as [(String, UInt64)])
    func vectors(text: String, expected: UInt64) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { hookline_siphash13(0, 0, $0.baseAddress, $0.count) } == expected)
    }

    /// Under the key 00 01 … 0f, as the reference implementation is tested.
    @Test func emptyInput() {
        #expect(hookline_siphash13(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908, nil, 0) == 0xABAC_0158_050F_C4DC)
    }

    @Test("tenant and id are told apart, and the journal's id is the key")
    func unambiguous() {
        let journal = JournalID(high: 0, low: 0)
        func make(_ tenant: String, _ id: String, _ journal: JournalID) -> UInt64 {
            Array(tenant.utf8).withUnsafeBytes { tenant in
                Array(id.utf8).withUnsafeBytes { EventFingerprint.make(tenant: tenant, id: $0, journal: journal) }
            }
        }
        #expect(make("acme", "order-17", journal) == 0x5C57_9700_229C_0ACD)
        #expect(make("ab", "c", journal) != make("a", "bc", journal))
        #expect(make("acme", "order-17", journal) != make("acme", "order-17", JournalID(high: 0, low: 1)))
        #expect(make("acme", "order-17", journal) != make("acme", "order-17", JournalID(high: 1, low: 0)))
    }
}
