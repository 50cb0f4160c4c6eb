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
}

extension EventRecord {
    /// Of its tenant and the id that its producer gave; nil if it gave none.
    package func fingerprint(in journal: JournalID) -> UInt64? {
        hasProducersID ? EventFingerprint.make(tenant: tenant, id: producersID, journal: journal) : nil
    }
}
