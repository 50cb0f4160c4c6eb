package import RelayCore

/// Puts the registration table together at a start.
package enum RegistrationRecovery {
    /// The snapshot's table with the changes that the journal knows since.
    ///
    /// - Parameter mayBeWithoutJournal: an empty journal beside a snapshot is as it should be.
    /// - Throws: ``StorageRefusal`` if one of them lacks what the other one knows of; ``KeyRefusal`` if secrets are sealed
    ///   under another key than the one at hand.
    package static func table(
        _ snapshot: RegistrationSnapshot, _ recovered: RecoveredJournal, catalogue: EventCatalogue,
        journalDirectory: String, mayBeWithoutJournal: Bool = false
    ) throws -> (table: RegistrationTable, savedRevision: UInt64) {
        var table = try snapshot.read(catalogue: catalogue) ?? RegistrationTable(catalogue: catalogue)
        let saved = table.revision
        guard saved == 0 || !recovered.journal.allSegments.isEmpty || mayBeWithoutJournal else {
            throw StorageRefusal(
                path: journalDirectory,
                reason: """
                    is empty, but \(snapshot.path) tells of an earlier run: the events of that run are not here. Put the \
                    journal back (is a file system not mounted?), or start once with --without-journal to begin anew
                    """)
        }
        for change in recovered.changes where change.revision > table.revision {
            guard change.revision == table.revision + 1 else { break }
            table.apply(change)
        }
        if let failure = recovered.unopened[table.revision + 1] { throw failure.refusal(path: journalDirectory) }
        let newest = max(recovered.state.revision, recovered.changes.last?.revision ?? 0)
        guard table.revision >= newest else {
            throw StorageRefusal(
                path: snapshot.path,
                reason: """
                    the journal knows \(newest) changes of the registered webhooks, this file and the journal together \
                    hold \(table.revision): the file is missing or from an older backup. Put the newest copy in its \
                    place, or start once with --without-registrations to begin with none
                    """)
        }
        return (table, saved)
    }
}
