import Glibc
import RelayCore

/// One producer's connection, confined to the ingest loop's thread.
///
/// Input: reading ▶ ended (end of input, or the peer is gone). Output: open ▶ given up (the peer is gone, or has taken no
/// reply for too long). It is closed when its input has ended and every reply that is due is sent or given up.
final class Connection {
    let descriptor: Int32
    let peer: PeerIdentity
    let groups: [UInt32]
    var grant: ProducerGrant

    /// The line that has begun and not ended; empty while none has.
    var unfinished: [UInt8] = []
    /// Behind a line that was too long, up to its LF.
    var isSkipping = false
    /// Lines that have begun so far.
    var lines = 0
    var inputEnded = false
    /// Rounds that owe it answers.
    var roundsDue = 0
    /// Waits for room for its unfinished line.
    var waitsForMemory = false
    /// Bytes of the unfinished line that were kept without there having been room for them.
    var memoryOwed = 0

    /// Replies not yet taken by the socket, from `sent` on.
    var replies: [UInt8] = []
    var sent = 0
    var outputGivenUp = false
    /// Since when the peer has taken none of the replies that wait.
    var stalledSince: ContinuousClock.Instant?

    /// What epoll has been told to watch.
    var watched: UInt32 = 0

    init(descriptor: Int32, peer: PeerIdentity, groups: [UInt32], grant: ProducerGrant) {
        self.descriptor = descriptor
        self.peer = peer
        self.groups = groups
        self.grant = grant
    }

    var waitingReplyBytes: Int { replies.count - sent }

    /// Whether it is over.
    var isDone: Bool { inputEnded && roundsDue == 0 && (waitingReplyBytes == 0 || outputGivenUp) }

    /// Sends replies as far as the socket takes them.
    ///
    /// - Returns: bytes that it took.
    func flush(now: ContinuousClock.Instant) -> Int {
        var taken = 0
        while waitingReplyBytes > 0, !outputGivenUp {
            let count = replies.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress.map { $0 + sent }, waitingReplyBytes,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
                taken += count
                stalledSince = nil
            } else if errno == EINTR {
                continue
            } else if errno == EAGAIN {
                if stalledSince == nil { stalledSince = now }
                break
            } else {
                // The peer is gone; what it has written is taken all the same.
                taken += giveUpOutput()
            }
        }
        if waitingReplyBytes == 0 {
            if replies.capacity > 64 * 1024 { replies = [] } else { replies.removeAll(keepingCapacity: true) }
            sent = 0
        } else if sent > 64 * 1024 {
            replies.removeFirst(sent)
            sent = 0
        }
        return taken
    }

    /// Sends no more replies: a late reader sees the end of them.
    ///
    /// - Returns: bytes of replies that are dropped.
    func giveUpOutput() -> Int {
        outputGivenUp = true
        shutdown(descriptor, Int32(SHUT_WR))
        let dropped = waitingReplyBytes
        replies = []
        sent = 0
        stalledSince = nil
        return dropped
    }
}
