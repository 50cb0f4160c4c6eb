import Cryptography
import RelayCore
import Testing

/// AES-256-GCM against published vectors, and what a key makes of it.
@Suite("AES-256-GCM and master keys")
struct AES256GCMTests {
    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16) ?? 0 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 13 to 16.
    private struct Vector: Sendable {
        let key: String
        let nonce: String
        let plain: String
        let associated: String
        let sealed: String
    }

    private static let zeroKey = String(repeating: "0", count: 64)
    private static let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    private static let nonce = "cafebabefacedbaddecaf888"
    private static let text = """
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
        """
    private static let ciphertext = """
        522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
        8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
        """

    private static let vectors = [
        Vector(
            key: zeroKey, nonce: String(repeating: "0", count: 24), plain: "", associated: "",
            sealed: "530f8afbc74536b9a963b4f1c4cb738b"),
        Vector(
            key: zeroKey, nonce: String(repeating: "0", count: 24), plain: String(repeating: "0", count: 32),
            associated: "", sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        Vector(
            key: key, nonce: nonce, plain: text + "1aafd255", associated: "",
            sealed: ciphertext + "898015ad" + "b094dac5d93471bdec1a502270e3cc6c"),
        Vector(
            key: key, nonce: nonce, plain: text, associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            sealed: ciphertext + "76fc6ece0f4e1768cddf8853bb2d551b"),
    ]

    @Test("the published vectors", arguments: 0..<4)
    func knownAnswers(index: Int) throws {
        let vector = Self.vectors[index]
        let (key, nonce) = (Self.bytes(vector.key), Self.bytes(vector.nonce))
        let (plain, associated) = (Self.bytes(vector.plain), Self.bytes(vector.associated))
        let sealed = AES256GCM.seal(plain, key: key, nonce: nonce, associated: associated)
        #expect(Hexadecimal.encode(sealed) == vector.sealed)
        #expect(try AES256GCM.open(sealed, key: key, nonce: nonce, associated: associated) == plain)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x40
            #expect(throws: AES256GCM.NotAuthentic.self) {
                try AES256GCM.open(changed, key: key, nonce: nonce, associated: associated)
            }
        }
        #expect(throws: AES256GCM.NotAuthentic.self) {
            try AES256GCM.open(sealed, key: key, nonce: nonce, associated: associated + [0])
        }
        #expect(throws: AES256GCM.NotAuthentic.self) {
            try AES256GCM.open(Array(sealed.prefix(15)), key: key, nonce: nonce, associated: associated)
        }
    }

    // MARK: Master keys

    private static let masterBytes = [UInt8](0..<32)

    @Test("what was sealed opens again, under the same key and for the same purpose alone")
    func roundTrip() throws {
        let key = try MasterKey(Self.masterBytes)
        var other = Self.masterBytes
        other[31] ^= 1
        for plain in [[], [7], [UInt8](repeating: 9, count: 5000)] as [[UInt8]] {
            let sealed = key.seal(plain, binding: [1, 2])
            #expect(sealed.count == 16 + 12 + plain.count + 16)
            #expect(key.open(sealed, binding: [1, 2]) == plain)
            #expect(try MasterKey(Self.masterBytes).open(sealed, binding: [1, 2]) == plain)
            #expect(key.open(sealed, binding: [1, 3]) == nil)
            #expect(key.open(sealed, binding: []) == nil)
            #expect(try MasterKey(other).open(sealed, binding: [1, 2]) == nil)
            // No sealing is like another one.
            #expect(key.seal(plain, binding: [1, 2]) != sealed)
        }
    }

    @Test("every byte and every length counts")
    func everyByte() throws {
        let key = try MasterKey(Self.masterBytes)
        let sealed = key.seal(Array("whsec_AAAA".utf8), binding: [1])
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                #expect(key.open(changed, binding: [1]) == nil, "byte \(index), bit \(bit)")
            }
            #expect(key.open(Array(sealed[..<index]), binding: [1]) == nil)
        }
        #expect(key.open(sealed + [0], binding: [1]) == nil)
    }

    /// Made with Python: `hmac` and `cryptography`'s `AESGCM`, as the page on secrets says.
    @Test("what another implementation has sealed opens")
    func interoperability() throws {
        let key = try MasterKey(Self.masterBytes)
        #expect(key.keyID == "a748e6fe981c3510")
        let sealed = Self.bytes(
            "6465666768696a6b6c6d6e6f70717273c8c9cacbcccdcecfd0d1d2d30cc806bb6113e5d8a7d6d1672f35163cc5e5")
        #expect(key.open(sealed, binding: Array("hookline webhook secrets 1\0wh_1\0acme".utf8)) == Array("{}".utf8))
    }

    @Test("forms of a key's file")
    func forms() throws {
        let text = Array(Base64.encode(Self.masterBytes).utf8)
        let id = try MasterKey(Self.masterBytes).keyID
        #expect(id.utf8.count == 16)
        func read(_ contents: [UInt8]) throws(MasterKey.Problem) -> String {
            var contents = contents
            return try MasterKey(wiping: &contents).keyID
        }
        for contents in [Self.masterBytes, text, text + [0x0A], text + [0x0D, 0x0A]] {
            #expect(try read(contents) == id)
        }
        // Ends in a line's end, and is a key of 32 bytes all the same.
        #expect(throws: Never.self) { try read(Array(Self.masterBytes.dropLast()) + [0x0A]) }
        let bad: [([UInt8], MasterKey.Problem)] = [
            ([], .length(0)), ([0x0A], .length(1)), (Array(Self.masterBytes.dropLast()), .length(31)),
            (Self.masterBytes + [0x0A], .length(33)), (Self.masterBytes + [1], .length(33)),
            (Array(text.dropLast()), .length(43)), (text + [0x20], .length(45)), ([0x20] + text, .length(45)),
            (text + [0x0A, 0x0A], .length(46)),
            (Array(text.dropLast()) + [UInt8(ascii: "A")], .notBase64),
            ([UInt8](repeating: UInt8(ascii: "*"), count: 44), .notBase64),
            ([UInt8](repeating: 0, count: 32), .uniform),
            (Array(Base64.encode([UInt8](repeating: 255, count: 32)).utf8), .uniform),
        ]
        for (contents, problem) in bad {
            #expect(throws: problem) { try read(contents) }
        }
    }

    @Test("the file's bytes do not stay in memory")
    func wiped() throws {
        for contents in [Self.masterBytes, Array(Base64.encode(Self.masterBytes).utf8), [1, 2, 3]] {
            var contents = contents
            // Whether it is a key makes no difference.
            _ = try? MasterKey(wiping: &contents)
            #expect(contents.allSatisfy { $0 == 0 } && !contents.isEmpty)
        }
    }
}
