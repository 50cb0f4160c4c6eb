import RelayCore
import Testing

/// The bytes on disk, written down: a change of the format can't go unnoticed.
@Suite("Record format")
struct RecordFormatTests {
    private static let segment = SegmentHeader(
        journal: EventFixture.journal, nonce: 0x1122_3344_5566_7788, ordinal: 3, firstSequence: 167,
        createdAt: 1_777_732_330_000, previousOrdinal: 2, previousBytes: 4096)

    @Test("an event's record, byte for byte")
    func goldenEvent() {
        let buffer = RecordBuffer()
        EventFixture.append(
            167,
            webhooks: [
                MatchedWebhook(number: 5, takesDeliveries: true), MatchedWebhook(number: 9, takesDeliveries: false),
            ], id: "order-17", data: #"{"score":82}"#, type: "application.scored", tenant: "tenant_abc123",
            isProducersTimestamp: true, to: buffer)
        RecordFormat.seal(buffer.bytes, count: buffer.count, seed: RecordFormat.seed(nonce: Self.segment.nonce))
        #expect(
            Hexadecimal.encode(Array(buffer.contents))
                == ("f3abebbda4000000a700000000000000010000000000000010a21ae99d010000e9030000ea0300006712000012180d08"
                    + "740000000100020005000000090000806f726465722d31377b226576656e74223a226170706c69636174696f6e2e7363"
                    + "6f726564222c2274696d657374616d70223a22323032362d30352d30325431343a33323a31302e3030305a222c227465"
                    + "6e616e744964223a2274656e616e745f616263313233222c2264617461223a7b2273636f7265223a38327d7d00000000")
        )
    }

    @Test("a segment's header, byte for byte")
    func goldenSegment() throws {
        #expect(
            Hexadecimal.encode(Self.segment.bytes)
                == ("484b4c4e53454731541a853402000000efcdab89674523011032547698badcfe88776655443322110300000000000000a7"
                    + "0000000000000010a21ae99d0100000200000000000000001000000000000003000000000000000000000000000000"))
        #expect(try SegmentHeader(Self.segment.bytes) == Self.segment)
    }

    @Test("every flipped bit of a segment's header is noticed")
    func damagedHeader() {
        let bytes = Self.segment.bytes
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SegmentHeader.Fault.self) { try SegmentHeader(damaged) }
        }
        #expect(throws: SegmentHeader.Fault.unfinished) { try SegmentHeader(Array(bytes.dropLast())) }
        #expect(throws: SegmentHeader.Fault.unfinished) { try SegmentHeader([]) }
        #expect(throws: SegmentHeader.Fault.foreign) {
            try SegmentHeader([UInt8](repeating: 0, count: SegmentHeader.byteCount))
        }
    }

    @Test("a newer version is told apart from damage")
    func newerVersion() {
        var bytes = Self.segment.bytes
        bytes[12] = 3
        let checksum = bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[12..<SegmentHeader.byteCount]))
        }
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        #expect(throws: SegmentHeader.Fault.version(3)) { try SegmentHeader(bytes) }
    }

    @Test(
        "CRC-32C as RFC 3720 appendix B.4 has it",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func checksum(bytes: [UInt8], crc: UInt32) {
        #expect(bytes.withUnsafeBytes { Checksum.crc32c($0) } == crc)
    }
}
