import Glibc
import RelayCore
import Storage

/// Crashes, disk trouble, and the end of all that.
extension Simulation {
    func start() {
        for attempt in 0..<20 {
            if attempt == 0, restarts > 0, !isDraining, random.chance(15) {
                disk.stopsAt = disk.calls + 1 + random.below(60)
            }
            do {
                relay = try SimulatedRelay(self)
                if disk.isDown { crash() }
                return
            } catch is DiskError {
                relay = nil
                if disk.isDown {
                    disk.cutPower()
                } else {
                    heal()
                }
            } catch {
                return oracle.complain("a start is refused: \(error)")
            }
        }
        oracle.complain("no start succeeds")
    }

    /// Has the machine or the process end, now or at one of the next disk calls.
    func arrangeCrash() {
        trace?("crash is arranged")
        if random.chance(50) {
            disk.stopsAt = disk.calls + 1 + random.below(40)
        } else if random.chance(25) {
            stop()
        } else {
            crash()
        }
    }

    func crash() {
        let isPowerCut = random.chance(60)
        trace?(
            (isPowerCut ? "power cut" : "killed")
                + " \(String(describing: relay?.saving)) \(clock.now) \(relay?.scheduler.hasProgress ?? false) \(String(describing: relay?.journal.failure))"
        )
        oracle.crashing(at: clock.now, savesFail: isTroubled || relay?.saving.hasFailed == true || disk.capacity < .max)
        relay = nil
        if isPowerCut { disk.cutPower() } else { disk.restart() }
        restart()
    }

    /// An orderly stop.
    private func stop() {
        guard let relay else { return }
        trace?("stopped")
        relay.stop()
        self.relay = nil
        if disk.isDown { disk.restart() }
        restart()
    }

    private func restart() {
        restarts += 1
        for index in producers.indices { producers[index].reconnect() }
        start()
    }

    // MARK: Disk trouble

    func changeTrouble() {
        if isTroubled || disk.capacity < .max { return heal() }
        if random.chance(40) {
            trace?("the disk is full")
            disk.capacity = disk.used + random.below(4_000)
            return
        }
        let code = random.pick([EIO, EROFS, EMFILE, ENOSPC])
        let calls = Set(SimulatedDisk.Call.allCases.filter { _ in random.chance(40) })
        let percent = random.pick([5, 30, 100])
        trace?("\(calls) fail in \(percent) % with \(code)")
        isTroubled = true
        disk.plan = { [unowned self] call in calls.contains(call) && random.chance(percent) ? code : nil }
    }

    func heal() {
        trace?("the disk works")
        disk.plan = { _ in nil }
        disk.capacity = .max
        isTroubled = false
    }

    // MARK: The end

    /// All is well from now on: everything that is owed is delivered, and new events are too.
    func drain() {
        trace?("all is well from now on")
        heal()
        disk.restart()
        isDraining = true
        if random.chance(50) { crash() }
        for index in producers.indices {
            producers[index].reconnect()
            makeEvents(3, for: index)
        }
        for round in 0..<20_000 where oracle.violation == nil {
            guard let relay else { return }
            for webhook in relay.registrations.table.list(tenant: nil) where webhook.state != .active {
                var webhook = webhook
                webhook.state = .active
                relay.change(.put(webhook))
            }
            if relay.registrations.table.isPaused { relay.change(.setPaused(false)) }
            for index in producers.indices { relay.take(8, from: index) }
            relay.settle()
            if isDrained { return relay.checkBounds() }
            advance(by: relay.nextDue.map { max(.milliseconds(1), $0 - clock.now) } ?? .milliseconds(100))
            if round == 200 { relay.keeper.isWished = true }
        }
        guard oracle.violation == nil else { return }
        oracle.complain(
            "it does not drain: \(producers.map { $0.unsent.count + $0.unanswered.count }) events are not accepted, "
                + "\(relay?.scheduler.pending ?? -1) deliveries pending, owed are \(oracle.debts)"
                + "\(relay?.condition ?? "")")
    }

    private var isDrained: Bool {
        producers.allSatisfy { $0.unsent.isEmpty && $0.unanswered.isEmpty } && !oracle.hasDebts
            && relay?.scheduler.pending == 0
    }
}
