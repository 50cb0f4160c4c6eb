import RelayCore
import Storage

/// Erasing, segment by segment, so that looks for room come between and a stop need not wait for long.
extension JournalKeeper {
    /// Takes events out of the next segment in which some may be: see ``Housekeeping/erase(_:_:after:)``.
    ///
    /// - Returns: nil if there is no further segment, and nothing left of an unfinished rewriting either.
    func erase(_ erasure: Erasure, after ordinal: UInt64) async -> Result<Housekeeping.Erased?, JournalFailure> {
        await withCheckedContinuation { continuation in
            let isTaken = perform { keeper in
                continuation.resume(returning: keeper.eraseNow(erasure, after: ordinal))
            }
            if !isTaken { continuation.resume(returning: .failure(.closed)) }
        }
    }

    private func eraseNow(_ erasure: Erasure, after ordinal: UInt64) -> Result<Housekeeping.Erased?, JournalFailure> {
        // With the terms everything is on disk that has become of deliveries, their cancellation too.
        guard let terms = terms() else { return .failure(.closed) }
        do throws(DiskError) {
            if let step = try housekeeping.erase(erasure, terms, after: ordinal) { return .success(step) }
            try housekeeping.removeUnfinished()
            return .success(nil)
        } catch {
            return .failure(.disk(error))
        }
    }
}
