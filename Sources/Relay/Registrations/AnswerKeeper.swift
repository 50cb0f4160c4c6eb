import Cryptography
import Logging
import NIOPosix
import RelayCore
import Storage

/// Knows what was answered to requests with an `Idempotency-Key`, and writes it down before the answer goes out.
///
/// | step | after a crash |
/// |---|---|
/// | the request's change is durable | a request sent once more does it once more |
/// | ``finish(_:_:holdsKey:)`` returns, the answer goes out | the same request gets the same answer |
actor AnswerKeeper: AnswerStore {
    private var memory: AnswerMemory
    /// Ids of what is kept in memory alone.
    private var unwritten: Set<String> = []
    private let log: AnswerFile
    private let threads: NIOThreadPool
    private let logger: Logger
    private let turnstile = Turnstile()

    /// Reads what there is. A file that can't be read or written stops nobody: it is about requests sent twice alone.
    init(
        stateDirectory: String, disk: any Disk, coding: RegistrationCoding, threads: NIOThreadPool, logger: Logger,
        bounds: AnswerMemory.Bounds = AnswerMemory.Bounds()
    ) {
        var memory = AnswerMemory(bounds: bounds)
        let log = AnswerLog(stateDirectory: stateDirectory, disk: disk, coding: coding)
        do throws(DiskError) {
            for entry in try log.read() { memory.insert(entry) }
            memory.forget(before: Clock.wall() - bounds.milliseconds)
            // All of it under the key there is, and nothing else.
            try log.rewrite(memory.all)
        } catch {
            logger.error("answers.log can't be used", metadata: ["error": "\(error)"])
        }
        self.memory = memory
        self.log = AnswerFile(log)
        self.threads = threads
        self.logger = logger
    }

    func begin(_ request: IdempotentRequest) -> IdempotencyVerdict {
        memory.begin(id: Self.id(request), contents: Self.contents(request), now: Clock.wall())
    }

    func finish(_ request: IdempotentRequest, _ answer: KeptAnswer?, holdsKey: Bool) async {
        let id = Self.id(request)
        guard let answer else { return memory.abandon(id: id) }
        let entry = AnswerMemory.Entry(
            id: id, caller: Self.hash(request.credential), contents: Self.contents(request), at: Clock.wall(),
            answer: answer)
        // A key is stored hashed or sealed, never as it is: where there is nothing to seal it with a restart forgets it.
        if holdsKey, !log.isSealed {
            unwritten.insert(id)
            return memory.insert(entry)
        }
        await turnstile.enter()
        defer { turnstile.leave() }
        // Until it is written whoever sends the request again is told to wait.
        let others = memory.all.filter { !unwritten.contains($0.id) }
        do {
            try await threads.runIfActive { [log] in try log.append(entry, others + [entry]) }
        } catch {
            // The change is done and durable; that it would be known after a restart is all that is missing.
            logger.error("an answer can't be kept over a restart", metadata: ["error": "\(error)"])
        }
        memory.insert(entry)
        unwritten.formIntersection(memory.all.map(\.id))
    }

    private static func id(_ request: IdempotentRequest) -> String {
        // None of the first two can hold a zero.
        hash("\(request.credential)\0\(request.route)\0\(request.key)")
    }

    private static func contents(_ request: IdempotentRequest) -> String {
        Hexadecimal.encode(SHA256.digest(request.contents))
    }

    private static func hash(_ text: String) -> String { Hexadecimal.encode(SHA256.digest(Array(text.utf8))) }
}

/// The file, which one thread after the other uses.
private final class AnswerFile: @unchecked Sendable {
    // The keeper's turnstile lets one call in at a time.
    private let log: AnswerLog
    let isSealed: Bool

    init(_ log: AnswerLog) {
        self.log = log
        isSealed = log.isSealed
    }

    func append(_ entry: AnswerMemory.Entry, _ all: [AnswerMemory.Entry]) throws(DiskError) {
        try log.append(entry, of: { all })
    }
}
