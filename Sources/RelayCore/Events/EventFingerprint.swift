import CChecksum

/// A tenant's id in 64 bits, the same over restarts. Keyed by the journal's id, which nobody outside knows: no producer
/// can aim at another one's.
package enum EventFingerprint {
    @inline(__always)
    package static func make(
        tenant: UnsafeRawBufferPointer, id: UnsafeRawBufferPointer, journal: JournalID
    ) -> UInt64 {
        hookline_fingerprint(journal.high, journal.low, tenant.baseAddress, tenant.count, id.baseAddress, id.count)
    }

    /// Of an id alone, for who does not know its tenant, in 32 bits.
    package static func name(_ id: UnsafeRawBufferPointer, journal: JournalID) -> UInt32 {
        // No tenant's id is empty.
        UInt32(truncatingIfNeeded: make(tenant: UnsafeRawBufferPointer(start: nil, count: 0), id: id, journal: journal))
    }
}

extension EventRecord {
    /// Of its tenant and the id that its producer gave; nil if it gave none.
    package func fingerprint(in journal: JournalID) -> UInt64? {
        hasProducersID ? EventFingerprint.make(tenant: tenant, id: producersID, journal: journal) : nil
    }

    /// Of the id that its producer gave, without its tenant; nil if it gave none.
    package func nameFingerprint(in journal: JournalID) -> UInt32? {
        hasProducersID ? EventFingerprint.name(producersID, journal: journal) : nil
    }
}
