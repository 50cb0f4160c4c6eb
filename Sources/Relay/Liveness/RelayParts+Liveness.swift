import Ingest
import NIOCore
import NIOPosix
import RelayCore
import Storage
import Synchronization

/// What must not stand still, and how to find out whether it does.
extension RelayParts {
    /// Something due for so long was forgotten.
    private static let overdueTime = Duration.seconds(10)

    /// - Parameters:
    ///   - senderLoops: those that carry connections to receivers beside the deliveries' own loop.
    ///   - apiLoops: those that carry the API's connections and not the deliveries.
    ///   - apiEcho: runs where requests do.
    ///   - registrarEcho: asks the registrar.
    ///   - disk: the journal's, if it can be made to hang.
    func probes(
        _ supervisor: Supervisor, bell: AlarmBell, senderLoops: [any EventLoop], apiLoops: [any EventLoop],
        apiEcho: Echo, registrarEcho: Echo, disk: HangingDisk?
    ) -> [LoopProbe] {
        let (ingest, journal, keeper, registrar, threads) = (ingest, journal, keeper, registrar, threads)
        let reads = pump.reads
        return [
            LoopProbe(.ingest, bell: bell) { ingest.perform($0) },
            LoopProbe(
                .journal,
                sign: {
                    let progress = journal.progress
                    return LoopSign(isIdle: !progress.isBusy, turns: progress.turns)
                },
                hang: {
                    disk?.hang()
                    // Something that goes to the disk.
                    journal.rotate()
                }),
            deliveryProbe(supervisor, bell: bell),
            LoopProbe(
                .senders, bell: bell,
                hang: {
                    for loop in senderLoops { loop.execute { FaultSwitch.standStill() } }
                },
                pass: { answer in Self.pass(senderLoops[...], answer) }),
            LoopProbe(
                .api, bell: bell,
                hang: {
                    for loop in apiLoops { loop.execute { FaultSwitch.standStill() } }
                },
                pass: { answer in Self.pass(apiLoops[...]) { apiEcho.call { answer() } } }),
            LoopProbe(
                .readers, bell: bell, steps: { reads.count },
                hang: {
                    for _ in 0..<Self.readerCount { threads.submit { _ in FaultSwitch.standStill() } }
                },
                pass: { answer in threads.submit { _ in answer() } }),
            LoopProbe(.registrar, bell: bell) { body in registrarEcho.call { await registrar.perform(body) } },
            LoopProbe(
                .keeper, bell: bell, steps: { keeper.steps.count },
                pass: { body in
                    if !keeper.perform({ _ in body() }) { body() }
                }),
        ]
    }

    /// Hands something from one loop to the next.
    private static func pass(_ loops: ArraySlice<any EventLoop>, _ body: @escaping @Sendable () -> Void) {
        guard let first = loops.first else { return body() }
        let rest = loops.dropFirst()
        first.execute { pass(rest, body) }
    }

    /// The deliveries' loop is alive if it answers, and has forgotten nothing that is due.
    private func deliveryProbe(_ supervisor: Supervisor, bell: AlarmBell) -> LoopProbe {
        let overdue = Flag()
        let pulse = Pulse { bell.ring() }
        let (pump, administration) = (pump, administration)
        return LoopProbe(
            .delivery,
            ask: {
                pulse.ask { answer in
                    pump.tell { pump in
                        overdue.set(
                            !pump.isStopped && pump.scheduler.isOverdue(by: Self.overdueTime, at: Clock.monotonic()))
                        administration.note(pump, for: supervisor)
                        answer()
                    }
                }
            },
            sign: { overdue.isSet ? LoopSign(isIdle: false, turns: 0) : pulse.sign() },
            hang: { pump.tell { _ in FaultSwitch.standStill() } })
    }
}

extension RelayAdministration {
    /// Has the supervisor told of what the pump knows. On the pump's loop.
    func note(_ pump: DeliveryPump, for supervisor: Supervisor) {
        var figures = Supervisor.Figures(
            pending: pump.scheduler.pending, failing: pump.scheduler.failing, isPaused: pump.scheduler.isPaused)
        guard supervisor.keepsFigures, let oldest = pump.scheduler.oldestPending else {
            return supervisor.note(figures)
        }
        if let known = oldestKnown.withLock({ $0 }), known.sequence == oldest {
            figures.oldestAcceptedAt = known.acceptedAt
            return supervisor.note(figures)
        }
        supervisor.note(figures)
        onScanThread { [self, figures] in
            var figures = figures
            figures.oldestAcceptedAt = acceptance(from: oldest)
            supervisor.note(figures)
        }
    }
}

/// Something that is so or not.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .acquiring) }
    func set(_ isSet: Bool) { value.store(isSet, ordering: .releasing) }
}
