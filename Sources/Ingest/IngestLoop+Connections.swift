import CLinuxShims
import DequeModule
import Glibc
import Logging
import RelayCore

/// Connections: accepting, sharing among users, watching, ending.
extension IngestLoop.Loop {
    mutating func watchListener() {
        let room = connections.count < settings.maxConnections && parked.count < settings.maxConnections
        let wanted = room && acceptAgainAt == nil && !isStopping ? Poller.readable : 0
        poller.watch(listener, token: IngestLoop.listenerToken, for: wanted, before: listenerWatched)
        listenerWatched = wanted
    }

    mutating func acceptAll() {
        while connections.count < settings.maxConnections, parked.count < settings.maxConnections, !isStopping {
            let descriptor = hookline_accept(listener)
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                if errno == EAGAIN { break }
                // Descriptors or memory ran out: the connections wait in the backlog.
                let reason = String(cString: strerror(errno))
                if logRate.allows(.noConnection, at: monotonic()) {
                    owner.logger.error("events.sock: no connection can be accepted", metadata: ["error": "\(reason)"])
                }
                acceptAgainAt = clock.now + .milliseconds(100)
                break
            }
            guard let connection = makeConnection(descriptor) else {
                close(descriptor)
                continue
            }
            admit(connection)
        }
        watchListener()
    }

    func makeConnection(_ descriptor: Int32) -> Connection? {
        var peer = hookline_peer()
        guard hookline_peer_credentials(descriptor, &peer) == 0 else { return nil }
        var groups = [gid_t](repeating: 0, count: 64)
        var count = hookline_peer_groups(descriptor, &groups, groups.count)
        if count > groups.count {
            groups = [gid_t](repeating: 0, count: count)
            count = hookline_peer_groups(descriptor, &groups, groups.count)
        }
        groups.removeLast(groups.count - max(0, min(count, groups.count)))
        let identity = PeerIdentity(uid: peer.uid, gid: peer.gid, pid: peer.pid)
        return Connection(
            descriptor: descriptor, peer: identity, groups: groups,
            grant: settings.rules.grant(to: identity, groups: groups, catalogue: intake.catalogue))
    }

    mutating func admit(_ connection: Connection) {
        let uid = connection.peer.uid
        guard connectionsOfUser[uid, default: 0] < max(1, settings.maxConnections / 2) else {
            parked.append(connection)
            return
        }
        connectionsOfUser[uid, default: 0] += 1
        let token = nextToken
        nextToken += 1
        connections[token] = connection
        tokens[ObjectIdentifier(connection)] = token
        rewatch(connection)
        if isStopping { shutdown(connection.descriptor, Int32(SHUT_RD)) }
    }

    mutating func unpark() {
        guard !parked.isEmpty, connections.count < settings.maxConnections else { return }
        let waiting = parked
        parked.removeAll()
        for connection in waiting { admit(connection) }
    }

    /// Watches for what can be done with it: reading unless something must be waited for, writing if replies wait.
    mutating func rewatch(_ connection: Connection) {
        guard let token = tokens[ObjectIdentifier(connection)] else { return }
        var wanted: UInt32 = 0
        if mayRead(connection) { wanted |= Poller.readable }
        if connection.waitingReplyBytes > 0 { wanted |= Poller.writable }
        poller.watch(connection.descriptor, token: token, for: wanted, before: connection.watched)
        connection.watched = wanted
    }

    func mayRead(_ connection: Connection) -> Bool {
        guard !connection.inputEnded, !connection.waitsForMemory else { return false }
        guard connection.waitingReplyBytes > 0 else { return true }
        return connection.waitingReplyBytes < Limits.replyBytesPerConnection && replyBytes < Limits.replyBytesTotal
    }

    mutating func serve(_ event: Poller.Event) {
        guard let connection = connections[event.token] else { return }
        if event.events & Poller.writable != 0 || connection.waitingReplyBytes > 0 {
            replyBytes -= connection.flush(now: clock.now)
        }
        if event.events & ~Poller.writable != 0, mayRead(connection) { read(connection) }
        touched[ObjectIdentifier(connection)] = connection
    }

    /// Ends, watches or forgets what this turn has changed.
    mutating func settleConnections() {
        let changed = touched.values
        touched.removeAll(keepingCapacity: true)
        for connection in changed {
            if connection.isDone {
                end(connection)
                continue
            }
            let id = ObjectIdentifier(connection)
            stalled[id] = connection.stalledSince == nil ? nil : connection
            rewatch(connection)
        }
    }

    mutating func end(_ connection: Connection) {
        let id = ObjectIdentifier(connection)
        guard let token = tokens.removeValue(forKey: id) else { return }
        connections[token] = nil
        stalled[id] = nil
        poller.watch(connection.descriptor, token: token, for: 0, before: connection.watched)
        connection.watched = 0
        replyBytes -= connection.waitingReplyBytes
        close(connection.descriptor)
        let uid = connection.peer.uid
        connectionsOfUser[uid, default: 1] -= 1
        if connectionsOfUser[uid] == 0 { connectionsOfUser[uid] = nil }
        unpark()
        watchListener()
    }

    mutating func checkTimes() {
        logLeftOut()
        guard acceptAgainAt != nil || !stalled.isEmpty || stopDeadline != nil else { return }
        let now = clock.now
        if let time = acceptAgainAt, time <= now {
            acceptAgainAt = nil
            watchListener()
        }
        for connection in stalled.values {
            guard let since = connection.stalledSince, since + Limits.unreadReplyTime <= now else { continue }
            replyBytes -= connection.giveUpOutput()
            local.unreadReplyPeers += 1
            if logRate.allows(.unreadReplies(uid: connection.peer.uid), at: monotonic()) {
                owner.logger.warning(
                    "a producer takes no replies: it gets no more on this connection",
                    metadata: ["uid": "\(connection.peer.uid)", "pid": "\(connection.peer.pid)"])
            }
            touched[ObjectIdentifier(connection)] = connection
        }
        if let deadline = stopDeadline, deadline <= now {
            stopDeadline = now + .seconds(1)
            forceStop()
        }
        if !touched.isEmpty { settleConnections() }
    }

    mutating func beginStop() {
        guard !isStopping else { return }
        isStopping = true
        stopDeadline = clock.now + .seconds(10)
        watchListener()
        for connection in parked { close(connection.descriptor) }
        parked.removeAll()
        // What a producer has written is read to its end; what it writes from now on fails at its side.
        for connection in connections.values {
            shutdown(connection.descriptor, Int32(SHUT_RD))
            touched[ObjectIdentifier(connection)] = connection
        }
    }

    /// Who still has lines to take after the deadline is refused them; who doesn't take the replies loses them.
    mutating func forceStop() {
        if intake.obstacle == .shuttingDown {
            for connection in connections.values where !connection.outputGivenUp {
                replyBytes -= connection.giveUpOutput()
                touched[ObjectIdentifier(connection)] = connection
            }
        }
        intake.obstacle = .shuttingDown
    }
}
