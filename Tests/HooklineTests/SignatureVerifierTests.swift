import RelayCore
import Testing

@testable import hookline

@Suite struct SignatureVerifierTests {
    private let vector = SignatureVector.all[1]

    private func verifier(_ secrets: String..., ignoresTimestamp: Bool = false) throws -> SignatureVerifier {
        SignatureVerifier(
            secrets: try secrets.map { try #require(WebhookSecret($0)) }, ignoresTimestamp: ignoresTimestamp)
    }

    /// The vector's headers with some replaced, or taken away by nil.
    private func headers(_ changes: [String: String?]) -> [(name: String, value: String)] {
        vector.headers.compactMap { header in
            guard let change = changes[header.name.lowercased()] else { return header }
            return change.map { (header.name, $0) }
        }
    }

    private func verdict(
        _ changes: [String: String?] = [:], body: String? = nil, age: Int64 = 0, secret: String? = nil
    ) throws -> SignatureVerdict {
        try verifier(secret ?? vector.secret).verify(
            headers: headers(changes), body: Array((body ?? vector.body).utf8), now: vector.timestamp + age)
    }

    @Test(arguments: SignatureVector.all) func vectors(_ vector: SignatureVector) throws {
        let verdict = try verifier(vector.secret).verify(
            headers: vector.headers, body: Array(vector.body.utf8), now: vector.timestamp)
        #expect(verdict == .valid(headers: ["X-HiresScope-Signature", "webhook-signature"]))
    }

    @Test(arguments: SignatureVector.all) func anotherBodyMatchesNeither(_ vector: SignatureVector) throws {
        let verdict = try verifier(vector.secret).verify(
            headers: vector.headers, body: Array(vector.body.utf8) + [10], now: vector.timestamp)
        #expect(
            verdict
                == .invalid([
                    .mismatch(header: "X-HiresScope-Signature", hint: nil),
                    .mismatch(header: "webhook-signature", hint: nil),
                ]))
    }

    @Test(arguments: [(0, true), (300, true), (301, false), (-300, true), (-301, false)])
    func tolerance(age: Int64, isValid: Bool) throws {
        let verdict = try verdict(age: age)
        #expect(verdict.isValid == isValid)
        if !isValid {
            #expect(verdict == .invalid([age > 0 ? .tooOld(seconds: age) : .tooNew(seconds: -age)]))
        }
    }

    @Test func anyAgeIfAsked() throws {
        let verdict = try verifier(vector.secret, ignoresTimestamp: true).verify(
            headers: vector.headers, body: Array(vector.body.utf8), now: 4_000_000_000)
        #expect(verdict.isValid)
    }

    @Test func eitherSignatureIsEnough() throws {
        #expect(try verdict(["webhook-signature": nil]) == .valid(headers: ["X-HiresScope-Signature"]))
        #expect(try verdict(["x-hiresscope-signature": nil]) == .valid(headers: ["webhook-signature"]))
    }

    @Test func noneIsNotEnough() throws {
        let verdict = try verdict(["webhook-signature": nil, "x-hiresscope-signature": nil])
        #expect(verdict == .invalid([.noSignature(bodyHeader: "X-HiresScope-Signature")]))
    }

    @Test(arguments: ["webhook-id", "webhook-timestamp"]) func coveredHeaderMissing(_ name: String) throws {
        #expect(try verdict([name: nil]) == .invalid([.missingHeader(name)]))
    }

    @Test func repeatedHeader() throws {
        let doubled = vector.headers + [("WEBHOOK-ID", "another")]
        let verdict = try verifier(vector.secret).verify(
            headers: doubled, body: Array(vector.body.utf8), now: vector.timestamp)
        #expect(verdict == .invalid([.repeatedHeader("webhook-id")]))
    }

    @Test(arguments: [
        ("webhook-timestamp", ""), ("webhook-timestamp", "-1"), ("webhook-timestamp", "12.5"),
        ("webhook-timestamp", "99999999999999999999"), ("webhook-signature", ""), ("webhook-signature", "v2,abcd"),
        ("webhook-signature", "v1,abcd"), ("webhook-signature", "v1,!"), ("x-hiresscope-signature", ""),
        ("x-hiresscope-signature", "sha256=da4c"),
        ("x-hiresscope-signature", "DA4C870A7ED28502F680EDBECA25B4DA1291AA09B37E510C26297C501195B21D"),
    ])
    func malformed(name: String, value: String) throws {
        guard case .invalid(let problems) = try verdict([name: value]) else {
            Issue.record("it was taken for valid")
            return
        }
        #expect(problems.count == 1)
        guard case .malformed(let header, _) = problems.first else {
            Issue.record("\(problems)")
            return
        }
        #expect(header.lowercased() == name)
    }

    @Test func listOfSignatures() throws {
        let other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        for list in [
            "\(other) \(vector.standardSignature)", "\(vector.standardSignature) \(other)",
            "v1a,xyz \(vector.standardSignature) v1,short",
        ] {
            #expect(try verdict(["webhook-signature": list]).isValid)
        }
        #expect(try !verdict(["webhook-signature": "\(other) \(other)"]).isValid)
    }

    @Test func mismatchNamesItsSchemeAndHintsAtRotation() throws {
        let zeros = String(repeating: "0", count: 64)
        guard case .invalid(let problems) = try verdict(["x-hiresscope-signature": zeros]), problems.count == 1,
            case .mismatch(let header, let hint) = problems[0]
        else {
            Issue.record("one mismatch was expected")
            return
        }
        #expect(header == "X-HiresScope-Signature")
        #expect(hint?.contains("rotation") == true)
    }

    @Test func rotationWithBothSecrets() throws {
        let old = SignatureVector.all[0]
        let verdict = try verifier(vector.secret, old.secret).verify(
            headers: old.headers, body: Array(old.body.utf8), now: old.timestamp)
        #expect(verdict.isValid)
    }

    @Test func namedBodyHeader() throws {
        var verifier = try verifier(vector.secret)
        verifier.bodyHeader = "X-Acme-Signature"
        let verdict = verifier.verify(
            headers: [("x-acme-signature", vector.bodySignature)], body: Array(vector.body.utf8), now: 0)
        #expect(verdict == .valid(headers: ["X-Acme-Signature"]))
    }

    @Test func secretFormats() {
        #expect(throws: SecretFormatProblem.empty) { try SecretFormatProblem.parse("") }
        #expect(throws: SecretFormatProblem.prefix) {
            try SecretFormatProblem.parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        }
        #expect(throws: SecretFormatProblem.base64(characters: 3)) { try SecretFormatProblem.parse("whsec_abc") }
        #expect(throws: SecretFormatProblem.base64(characters: 0)) { try SecretFormatProblem.parse("whsec_") }
    }
}
