import Logging
import NIOCore
import NIOPosix
import RelayCore
import Storage

/// Events that are looked at only for the order of their deliveries.
extension DeliveryPump {
    private static let retryTime = TimeAmount.seconds(1)

    func find(_ lookUp: DeliveryScheduler.LookUp) {
        let journal = journal
        let bound = NIOLoopBound(self, eventLoop: loop)
        readers.submit { [loop, reads] state in
            defer { reads.note() }
            guard state == .active else { return }
            var events: [UInt64: EventRecord] = [:]
            var failure: DiskError?
            do throws(DiskError) {
                for sequence in lookUp.sequences { events[sequence] = try journal.event(sequence) }
            } catch {
                failure = error
            }
            let result: Result<[UInt64: EventRecord], DiskError> = failure.map { .failure($0) } ?? .success(events)
            loop.execute { bound.value.found(result, for: lookUp) }
        }
    }

    private func found(_ result: Result<[UInt64: EventRecord], DiskError>, for lookUp: DeliveryScheduler.LookUp) {
        switch result {
        case .success(let events):
            scheduler.found(events, for: lookUp)
            run()
        case .failure(let error):
            logUnreadable(lookUp.webhook, error)
            _ = loop.assumeIsolated().scheduleTask(in: Self.retryTime) { [self] in
                scheduler.found(nil, for: lookUp)
                run()
            }
        }
    }
}
