import Dispatch
import Glibc
import Ingest
import Logging
import RelayCore

/// An ingest loop on a socket in a directory of its own.
final class Listener {
    let store: MemoryStore
    let loop: IngestLoop
    private let directory: String
    private let descriptor: Int32
    private let ended = DispatchSemaphore(value: 0)
    private var path: String { directory + "/events.sock" }

    private init(_ store: MemoryStore, maxLineBytes: Int, maxConnections: Int, rules: ProducerRules) {
        self.store = store
        var template = Array("/tmp/hl-ingest-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil)
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let listener = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let bound = Client.withAddress(directory + "/events.sock") { bind(listener, $0, $1) }
        precondition(bound == 0 && listen(listener, 128) == 0)
        descriptor = listener
        loop = IngestLoop(store: store, wall: { 1_777_732_330_000 }, logger: Logger(label: "test"))
        let intake = EventIntake(
            table: RegistrationTable(catalogue: EventCatalogue()), duplicates: DuplicateIndex(maxCount: 100_000),
            dedupeWindow: 1000, nextSequence: 1, journal: store.journalID)
        let settings = IngestSettings(maxLineBytes: maxLineBytes, maxConnections: maxConnections, rules: rules)
        DispatchQueue(label: "ingest").async { [loop, ended] in
            loop.run(listener: listener, intake: intake, settings: settings)
            ended.signal()
        }
    }

    /// Runs a test against a listener, stops it, and checks that it ends.
    static func run(
        _ store: MemoryStore = MemoryStore(), maxLineBytes: Int = 1000, maxConnections: Int = 64,
        rules: ProducerRules = ProducerRules(rules: nil), _ body: (Listener) throws -> Void
    ) throws {
        let listener = Listener(store, maxLineBytes: maxLineBytes, maxConnections: maxConnections, rules: rules)
        defer {
            listener.store.use(.immediate)
            listener.store.release(.success(()))
            precondition(listener.stop(), "the loop has not ended")
            close(listener.descriptor)
            unlink(listener.path)
            rmdir(listener.directory)
        }
        try body(listener)
    }

    /// - Returns: whether the loop has returned, in time. Once is enough.
    @discardableResult
    func stop() -> Bool {
        loop.stop()
        guard ended.wait(timeout: .now() + .seconds(5)) == .success else { return false }
        ended.signal()
        return true
    }

    func connect() throws -> Client {
        try Client(path)
    }
}

/// A producer on a blocking socket; a call that takes 3 s has failed.
final class Client {
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 3, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard Self.withAddress(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw Failure(call: "connect", code: errno)
        }
    }

    deinit { close(descriptor) }

    static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(call: "send", code: errno) }
            sent += count
        }
    }

    /// Ends what is sent; replies still come.
    func endInput() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The next reply line without its LF; nil at the end.
    func reply() throws -> String? {
        while true {
            if let end = received.firstIndex(of: 0x0A) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            guard try receive() else { return nil }
        }
    }

    func replies(_ count: Int) throws -> [String] {
        try (0..<count).compactMap { _ in try reply() }
    }

    /// All replies up to the end of the connection.
    func allReplies() throws -> [String] {
        while try receive() {}
        defer { received = [] }
        return received.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a reply has come; waits for none.
    func hasReply() -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return !received.isEmpty || poll(&waiting, 1, 0) == 1
    }

    private func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw Failure(call: "read", code: errno) }
        received += buffer[..<count]
        return count > 0
    }
}
