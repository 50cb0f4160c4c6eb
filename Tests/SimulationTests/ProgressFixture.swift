@testable import RelayCore

extension LaneProgress {
    static func make(settling: [UInt64], opening: [UInt64]) -> LaneProgress {
        LaneProgress(
            settled: settling.map {
                Settlement(
                    sequence: $0, at: 1_777_000_000_000, result: .delivered, status: 200, attempts: 1, microseconds: 1,
                    bytes: 60)
            },
            opened: opening.map { Opening(sequence: $0, bytes: 60) })
    }
}

extension ProgressRecord {
    static func make(_ webhook: WebhookNumber, cursor: UInt64, _ progress: LaneProgress) -> ProgressRecord {
        ProgressRecord(lanes: [LaneEntry(webhook: webhook, cursor: cursor, progress: progress)])
    }
}
