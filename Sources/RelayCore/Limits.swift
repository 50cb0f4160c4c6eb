/// Every bound that is not a setting, with its unit and its reason.
package enum Limits {
    // MARK: Events in

    /// Containers inside each other in `data`, its own object counted. Deeper is `invalid_json`: no consumer's parser
    /// is put to the test, and the scanner's stack is two machine words.
    package static let dataDepth = 128

    /// Bytes of an id, a tenant id (contract: `[A-Za-z0-9_-]{1,64}`).
    package static let identifierBytes = 64

    /// Bytes of a timestamp: RFC 3339 with nine digits of a second and an offset has 35.
    package static let timestampBytes = 64

    /// Bytes of an event type's name.
    package static let eventTypeBytes = 128

    /// Bytes of a line's text that a refusal repeats to its sender.
    package static let quotedBytes = 64

    /// Bytes of unread replies that a connection may have before its lines wait in the socket.
    package static let replyBytesPerConnection = 256 * 1024

    /// Bytes of unread replies of all connections together, above which any connection that has replies waiting takes
    /// no more lines.
    package static let replyBytesTotal = 64 * 1024 * 1024

    /// How long a peer may take none of its waiting replies before it gets no more.
    package static let unreadReplyTime: Duration = .seconds(5)

    /// Bytes of unfinished lines that all connections together may hold.
    package static let unfinishedLineBytes = 64 * 1024 * 1024

    /// Lines that are read before the first of them is decided about.
    package static let linesAhead = 8

    /// Bytes taken from one connection before the next one has its turn.
    package static let readBytesPerTurn = 256 * 1024

    /// Bytes of events that wait for the disk; past it nothing more is read from any connection until a sync returns.
    package static let unsyncedBytes = 8 * 1024 * 1024

    /// Bytes of a round that goes on its way to the disk although other connections wait to be read.
    package static let roundBytes = 256 * 1024

    /// Bytes of a round for which the ingest thread waits itself: some twenty events of half a kilobyte. With more there is
    /// as much to read and to validate while they are on their way to the disk.
    package static let roundBytesToWaitFor = 12 * 1024

    // MARK: Journal

    /// Bytes of a segment before the next one is begun; a single larger batch still goes into one.
    package static let segmentBytes = 64 * 1024 * 1024

    /// Zeros that are written behind a small batch, and bytes of a batch from which on there are none: some 400 events that
    /// come one at a time have blocks then that were written before.
    package static let zeroedBytes = 256 * 1024
    package static let largeBatchBytes = 64 * 1024

    /// Bytes of records that a segment is content with where the disk has not the space for a whole one.
    package static let smallestSegmentBytes = 1024 * 1024

    /// Bytes that are kept free for what must be written on a full disk: settlements of some 100,000 deliveries.
    package static let journalReserveBytes = 4 * 1024 * 1024

    /// How long no segment is begun after one could not be: a producer that sends on and on costs no disk call then.
    package static let journalRetryTime: Duration = .milliseconds(100)

    /// Bytes of settlements and failed tries that wait in memory for a disk that can't be written; past it nothing more
    /// is attempted, since nobody would know of it after a crash. Far below a record's bound.
    package static let unsavedProgressBytes = 8 * 1024 * 1024

    /// Bytes of one record's payload: the largest line that can be configured, its envelope and its webhooks.
    package static let recordBytes = 32 * 1024 * 1024

    /// The longest that a settled delivery stays unsaved: what a crash may repeat (contract: 100 ms).
    package static let settlementDelay: Duration = .milliseconds(50)

    /// Bytes that one read of the journal for a lagging lane brings into memory.
    package static let laneReadBytes = 256 * 1024

    // MARK: Deliveries out

    /// Deliveries of one lane that are in memory at once: waiting, in flight. The rest waits in the journal.
    package static let laneWindow = 1024

    /// Deliveries of one lane that wait for their next try, or for an earlier one of their order, before the lane stops
    /// starting new ones; four times as many where the receiver works.
    package static let laneRetries = 4096

    /// How long a delivery waits for which the relay's own host had no descriptor or no memory.
    package static let hostTroubleTime: Duration = .seconds(1)

    /// How long an open breaker waits where the webhook's retry schedule is empty.
    package static let probeTime: Duration = .seconds(60)

    /// Deliveries that were given up are told of together: those of one webhook within so long.
    package static let givenUpTime: Duration = .seconds(60)

    /// Operational events that wait to be written down; past it the newest are dropped and counted.
    package static let operationalEvents = 4096

    /// Deliveries of all lanes together that wait for their next try, some 300 bytes each with all that belongs to them.
    /// Past it a lane that has a few of them starts no new ones: what waits in the journal costs no memory.
    package static let retries = 32_768
    package static let laneRetriesBeyond = 4

    /// The same for a lane that is ordered by key and whose receiver works: one value that blocks must not hold the others
    /// back only because other lanes have filled the bound.
    package static let laneBlockedBeyond = 64

    /// Deliveries of one lane whose values are looked up in the journal at once.
    package static let valueLookUps = 64

    /// Bytes of a JSON pointer.
    package static let pointerBytes = 512

    /// Attempts that begin before the delivery loop sees to what has arrived meanwhile: new events and outcomes of other
    /// webhooks wait a fraction of a millisecond for one that has a backlog.
    package static let attemptsAtOnce = 16

    /// Attempts that begin between two others when an event has become durable meanwhile: its own, and those of webhooks whose
    /// turn is before.
    package static let attemptsBetween = 4

    /// Attempts on their way from the loop that schedules them before some go to other loops. A hand-over costs more than
    /// it gives where there are fewer: one webhook, which has 64, got a seventh less. The rest is for live ones beside it.
    package static let attemptsHere = 80

    /// The window of a lane whose receiver is as quick as this while the delivery loop is hardly ever idle: where ten lanes
    /// have 64 attempts each on their way at once, a quarter fewer come through.
    package static let busyWindow = 16
    package static let busyTime: Duration = .milliseconds(50)

    /// A gap in the delivery loop's work from which on it counts as idle, how long that is looked at, and the share of it below
    /// which the loop is busy.
    package static let idleGap: Duration = .microseconds(40)
    package static let idleLook: Duration = .milliseconds(5)
    package static let idleShare = 0.3
    /// How long it counts as busy after it was.
    package static let busyMemory: Duration = .milliseconds(100)

    /// Bytes of events that are kept in memory from their acceptance to their delivery; past it lanes read the journal.
    package static let liveEventBytes = 16 * 1024 * 1024

    /// Bytes of a response that are read after its head.
    package static let responseBodyBytes = 16 * 1024

    /// Bytes of a response's head: status line and header fields.
    package static let responseHeadBytes = 32 * 1024

    /// Header fields of a response.
    package static let responseHeaderFields = 128

    /// Bytes of a response that are kept for the record of an attempt.
    package static let responseExcerptBytes = 512

    /// How long an idle connection is kept for the next delivery. Shorter than the 60 s and 75 s that common servers
    /// keep theirs, so that the server is seldom the one to close first.
    package static let idleConnectionTime: Duration = .seconds(30)

    /// How long a connection is used: what a name resolves to, and whom a certificate is for, is asked again after that.
    package static let connectionAge: Duration = .seconds(300)

    /// Connections of all origins on which the rest of an answer is read whose success is reported already. Past it the
    /// oldest one is closed: a receiver that lets its answers drip would otherwise have one for each delivery until the
    /// deadline.
    package static let lingeringConnections = 256

    /// Idle connections kept for one origin, and how long one beyond them waits for the next delivery. Those in use are as
    /// many as its webhooks' windows and the host's budget let be in flight.
    package static let idleConnectionsPerOrigin = 256
    package static let idleBeyondTime: Duration = .seconds(1)

    /// Names that are looked up at the same time, a socket each; one name has one look-up. As many as there are attempts
    /// of webhooks without a recent success, so that names whose servers say nothing keep no other name waiting.
    package static let lookUps = 2048

    /// Of those, names that had no answer the last time.
    package static let slowLookUps = 1024

    /// How long a look-up may take in all, and how long a name server may take before it, or the next one, is asked again.
    package static let lookUpTime: Duration = .seconds(10)
    package static let nameServerTime: Duration = .seconds(2)
    package static let nameServerTries = 3

    /// How long the addresses of one family wait for those of the other (RFC 8305 section 3; its 50 ms would go without
    /// IPv6 too often where the name server is far away).
    package static let secondFamilyTime: Duration = .milliseconds(500)

    /// Addresses of one name that are tried; all of them are judged.
    package static let addressesPerAttempt = 64

    /// Connection attempts of one delivery that are under way at once, and how long one is ahead of the next
    /// (RFC 8305 section 5).
    package static let connectionsAtOnce = 6
    package static let connectionAttemptDelay: Duration = .milliseconds(250)

    /// How long a resolved name is used again, and a failed look-up not tried again.
    package static let resolvedNameTime: Duration = .seconds(30)
    package static let failedNameTime: Duration = .seconds(2)

    // MARK: Administration

    /// Bytes of a request's body on the API.
    package static let apiBodyBytes = 256 * 1024

    /// Attempts of one event that are shown, some 500 bytes each.
    package static let attemptsShown = 10_000

    /// Who may follow the events at once, and bytes of events that wait for each of them: past it they are dropped and
    /// counted.
    package static let followers = 16
    package static let followedBytes = 4 * 1024 * 1024

    /// How often those who follow are sent something, if only an empty line: who does not exist any more is found out so.
    package static let followingBeat: Duration = .seconds(5)

    /// How long one who follows may take nothing of what is sent.
    package static let followerStandstill: Duration = .seconds(60)

    /// Tasks of the journal that are not finished: erasures and replays.
    package static let tasks = 1024

    /// Finished tasks whose details are kept in memory.
    package static let finishedTasks = 256

    /// Erasures that are done in one pass over the journal.
    package static let erasuresPerPass = 64

    /// Webhooks of one tenant, and of the host.
    package static let webhooksPerTenant = 1_000
    package static let webhooks = 100_000

    /// Keys to the API.
    package static let apiKeys = 10_000

    /// Event patterns, own header fields (and bytes of all of them) of one webhook, Unicode code points of its description
    /// (what JSON Schema's `maxLength` counts).
    package static let patternsPerWebhook = 64
    package static let headersPerWebhook = 32
    package static let headerBytesPerWebhook = 8 * 1024
    package static let descriptionCharacters = 1024
}
