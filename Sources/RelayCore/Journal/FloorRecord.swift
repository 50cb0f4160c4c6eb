/// The payload of a record of kind ``RecordKind/floor``: a u64, the lowest ordinal of a segment that is still needed.
///
/// It is on disk before the segments below it are removed. A start then knows a segment whose removal was cut short from
/// one that has gone missing.
package enum FloorRecord {
    package static func append(_ ordinal: UInt64, sequence: UInt64, to buffer: RecordBuffer) {
        let start = buffer.beginRecord(.floor, sequence: sequence)
        buffer.append(ordinal)
        buffer.endRecord(at: start)
    }

    /// Nil if the payload is not whole.
    package static func ordinal(_ payload: UnsafeRawBufferPointer) -> UInt64? {
        var reader = FieldReader(payload)
        return reader.next(UInt64.self)
    }
}
