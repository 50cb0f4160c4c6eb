import Ingest
import RelayCore
import Testing

/// The listener on a real socket, with a journal in memory behind it.
@Suite("Ingest loop")
struct IngestLoopTests {
    private static func line(_ id: String, data: String = "{}") -> String {
        #"{"event":"job.closed","tenantId":"t","id":""# + id + #"","data":"# + data + "}"
    }

    private static func accepted(_ id: String, duplicate: Bool = false) -> String {
        #"{"ok":true,"id":""# + id + #"","webhooks":0"# + (duplicate ? #","duplicate":true}"# : "}")
    }

    /// A line of this many bytes.
    private static func line(_ id: String, bytes: Int) -> String {
        let empty = line(id, data: #"{"p":""}"#).utf8.count
        return line(id, data: #"{"p":""# + String(repeating: "x", count: bytes - empty) + #""}"#)
    }

    private static func isRefusal(_ reply: String?, line: Int, _ code: RefusalCode) -> Bool {
        guard let reply, reply.hasPrefix(#"{"ok":false,"line":"# + "\(line),") else { return false }
        return reply.contains(#""error":""# + code.rawValue + #"""#)
    }

    /// Lets the loop make a turn, which obeys what it was told before: commands and lines race for the same one.
    private static func passTurn(_ client: Client, line: Int) throws {
        try client.send("x\n")
        let reply = try client.reply()
        #expect(isRefusal(reply, line: line, .invalidJSON))
    }

    // MARK: Lines and replies

    @Test("one reply a line, in their order, whatever becomes of them; blank lines count and have none")
    func order() throws {
        try Listener.run { listener in
            let client = try listener.connect()
            try client.send(
                "\(Self.line("a"))\n{\n\n \t\r\n\(Self.line("a"))\n\(Self.line("a", data: "[]"))\n\(Self.line("b"))\n")
            client.endInput()
            let replies = try client.allReplies()
            #expect(replies.count == 5)
            #expect(replies.first == Self.accepted("a"))
            #expect(Self.isRefusal(replies[1], line: 2, .invalidJSON))
            #expect(replies[2] == Self.accepted("a", duplicate: true))
            #expect(Self.isRefusal(replies[3], line: 6, .invalidField) && replies[3].contains(#""id":"a""#))
            #expect(replies.last == Self.accepted("b"))
            #expect(listener.store.ids == ["a", "b"])
            listener.stop()
            let counters = listener.loop.statistics
            #expect(counters.acceptedTotal == 2 && counters.duplicates == 1 && counters.blankLines == 2)
            #expect(counters.refused == [.invalidJSON: 1, .invalidField: 1] && counters.connections == 0)
        }
    }

    @Test("bytes may come in portions of any size", arguments: [1, 2, 3, 7, 64, 1000])
    func portions(size: Int) throws {
        try Listener.run { listener in
            let client = try listener.connect()
            let ids = (1...8).map { "id-\($0)" }
            let bytes = Array(ids.map { Self.line($0) + "\n" }.joined().utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                try client.send(Array(bytes[start..<min(bytes.count, start + size)]))
            }
            let replies = try client.replies(8)
            #expect(replies == ids.map { Self.accepted($0) })
        }
    }

    @Test("a long-lived connection is answered line by line, and CR before LF is white space")
    func longLived() throws {
        try Listener.run { listener in
            let client = try listener.connect()
            for number in 1...20 {
                try client.send(Self.line("n\(number)") + "\r\n")
                #expect(try client.reply() == Self.accepted("n\(number)"))
            }
        }
    }

    @Test("an unterminated last line counts if it is whole, and is truncated if not")
    func lastLine() throws {
        try Listener.run { listener in
            for (text, isWhole) in [(Self.line("a"), true), (String(Self.line("b").dropLast()), false), ("x", false)] {
                let client = try listener.connect()
                try client.send("\n" + text)
                client.endInput()
                let replies = try client.allReplies()
                #expect(replies.count == 1)
                #expect(
                    isWhole ? replies.first == Self.accepted("a") : Self.isRefusal(replies.first, line: 2, .truncated))
            }
            for text in ["", "\n", " \t"] {
                let client = try listener.connect()
                try client.send(text)
                client.endInput()
                #expect(try client.allReplies().isEmpty)
            }
        }
    }

    @Test("a producer that writes and is gone has sent its events")
    func goneProducer() throws {
        try Listener.run { listener in
            do {
                let client = try listener.connect()
                for number in 1...500 { try client.send(Self.line("g\(number)") + "\n") }
            }
            #expect(listener.stop())
            #expect(listener.store.ids == (1...500).map { "g\($0)" })
        }
    }

    @Test("a line too long is refused once, its neighbours are served", arguments: [1, 13, 5000])
    func lineLength(portion: Int) throws {
        try Listener.run(maxLineBytes: 200) { listener in
            let client = try listener.connect()
            let lines = [
                Self.line("a"), Self.line("b", bytes: 199), Self.line("c", bytes: 200), Self.line("d", bytes: 201),
                Self.line("e"), Self.line("f", bytes: 1000), Self.line("g", bytes: 200),
                String(repeating: " ", count: 200),
                "", String(repeating: " ", count: 201), Self.line("h"),
            ]
            let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            for start in stride(from: 0, to: bytes.count, by: portion) {
                try client.send(Array(bytes[start..<min(bytes.count, start + portion)]))
            }
            client.endInput()
            let replies = try client.allReplies()
            #expect(replies.count == 9)
            #expect(
                replies.filter { $0.hasPrefix(#"{"ok":true"#) }
                    == ["a", "b", "c", "e", "g", "h"].map { Self.accepted($0) })
            #expect(Self.isRefusal(replies[3], line: 4, .lineTooLong))
            #expect(Self.isRefusal(replies[5], line: 6, .lineTooLong))
            #expect(Self.isRefusal(replies[7], line: 10, .lineTooLong))
        }
    }

    @Test("a line that never ends is refused at its bound, and skipped to the end of the input")
    func endlessLine() throws {
        try Listener.run { listener in
            let client = try listener.connect()
            let part = [UInt8](repeating: 0x20, count: 64 * 1024)
            try client.send(Self.line("a") + "\n")
            for _ in 0..<64 { try client.send(part) }
            #expect(try client.reply() == Self.accepted("a"))
            #expect(Self.isRefusal(try client.reply(), line: 2, .lineTooLong))
            client.endInput()
            #expect(try client.allReplies().isEmpty)
        }
    }

    // MARK: Durability

    @Test("nothing is acknowledged before it is durable, and a duplicate waits for its original")
    func heldSyncs() throws {
        try Listener.run(MemoryStore(.held)) { listener in
            let first = try listener.connect()
            let second = try listener.connect()
            try first.send(Self.line("a") + "\n")
            #expect(listener.store.waitForAppend())
            try second.send(Self.line("a") + "\n{\n" + Self.line("b") + "\n")
            #expect(listener.store.waitForAppend())
            // Refusals wait too: a connection's replies are a prefix of what is due.
            #expect(!first.hasReply() && !second.hasReply())
            listener.store.release(.success(()))
            #expect(try first.reply() == Self.accepted("a"))
            #expect(try second.reply() == Self.accepted("a", duplicate: true))
            #expect(Self.isRefusal(try second.reply(), line: 2, .invalidJSON))
            #expect(try second.reply() == Self.accepted("b"))
        }
    }

    @Test(
        "what can't be stored is refused with its id and a time to come back, and the id is free again",
        arguments: [(false, RefusalCode.storageError), (true, .backlogFull)])
    func failingSyncs(isLackOfSpace: Bool, code: RefusalCode) throws {
        let failure = EventStoreFailure(message: "no such luck", isLackOfSpace: isLackOfSpace)
        try Listener.run(MemoryStore(.failing(failure))) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n")
            let reply = try client.reply()
            #expect(Self.isRefusal(reply, line: 1, code))
            #expect(reply?.contains(#""id":"a""#) == true && reply?.contains(#""retryAfterMs":"#) == true)
            #expect(reply?.contains("no such luck") == true)
            listener.store.use(.immediate)
            try client.send(Self.line("a", data: #"{"n":2}"#) + "\n" + Self.line("a", data: #"{"n":2}"#) + "\n")
            #expect(try client.reply() == Self.accepted("a"))
            #expect(try client.reply() == Self.accepted("a", duplicate: true))
            #expect(listener.store.ids == ["a"])
        }
    }

    @Test("a duplicate of an event that is lost on its way is refused like it, in the same turn and in a later one")
    func lostOriginal() throws {
        try Listener.run(MemoryStore(.held)) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n" + Self.line("a") + "\n")
            #expect(listener.store.waitForAppend())
            let other = try listener.connect()
            try other.send(Self.line("a") + "\n" + Self.line("b") + "\n")
            #expect(listener.store.waitForAppend())
            listener.store.release(.failure(EventStoreFailure(message: "lost", isLackOfSpace: false)))
            #expect(Self.isRefusal(try client.reply(), line: 1, .storageError))
            #expect(Self.isRefusal(try client.reply(), line: 2, .storageError))
            #expect(Self.isRefusal(try other.reply(), line: 1, .storageError))
            #expect(Self.isRefusal(try other.reply(), line: 2, .storageError))
        }
    }

    @Test("a closed store refuses")
    func closedStore() throws {
        try Listener.run(MemoryStore(.closed)) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n")
            #expect(Self.isRefusal(try client.reply(), line: 1, .storageError))
        }
    }

    @Test("an obstacle refuses until it is gone")
    func obstacle() throws {
        try Listener.run { listener in
            let client = try listener.connect()
            listener.loop.setObstacle(.backlogFull)
            try Self.passTurn(client, line: 1)
            try client.send(Self.line("a") + "\n")
            #expect(Self.isRefusal(try client.reply(), line: 2, .backlogFull))
            listener.loop.setObstacle(nil)
            try Self.passTurn(client, line: 3)
            try client.send(Self.line("a") + "\n")
            #expect(try client.reply() == Self.accepted("a"))
        }
    }

    // MARK: Neighbours

    @Test("replies that nobody reads are kept, beyond 256 KiB, and hold up no other connection")
    func unreadReplies() throws {
        try Listener.run { listener in
            let silent = try listener.connect()
            let count = 9000
            let sent = String(repeating: "x\n", count: count)
            try silent.send(sent)
            let other = try listener.connect()
            for number in 1...10 {
                try other.send(Self.line("n\(number)") + "\n")
                #expect(try other.reply() == Self.accepted("n\(number)"))
            }
            silent.endInput()
            let replies = try silent.allReplies()
            #expect(replies.joined().utf8.count > 512 * 1024)
            #expect(replies.count == count)
            for (index, reply) in replies.enumerated() where !Self.isRefusal(reply, line: index + 1, .invalidJSON) {
                Issue.record("reply \(index + 1): \(reply)")
                return
            }
        }
    }

    @Test("one user has half of the connections; the next one waits until one ends")
    func connectionShare() throws {
        try Listener.run(maxConnections: 4) { listener in
            var held = [try listener.connect(), try listener.connect()]
            for (index, client) in held.enumerated() {
                try client.send(Self.line("h\(index)") + "\n")
                #expect(try client.reply() == Self.accepted("h\(index)"))
            }
            let third = try listener.connect()
            try third.send(Self.line("third") + "\n")
            // The held ones are served all the while.
            try held[0].send(Self.line("again") + "\n")
            #expect(try held[0].reply() == Self.accepted("again"))
            #expect(!third.hasReply())
            held.removeLast()
            #expect(try third.reply() == Self.accepted("third"))
        }
    }

    @Test("producer rules go by the peer's kernel credentials and change with the settings")
    func rules() throws {
        let nobody = ProducerRules(rules: [.init(subject: .uid(.max), tenants: nil, patterns: [.all])])
        try Listener.run(rules: nobody) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n")
            #expect(Self.isRefusal(try client.reply(), line: 1, .forbidden))
            listener.loop.use(
                IngestSettings(maxLineBytes: 1000, maxConnections: 64, rules: ProducerRules(rules: nil)))
            try Self.passTurn(client, line: 2)
            try client.send(Self.line("a") + "\n")
            #expect(try client.reply() == Self.accepted("a"))
        }
    }

    // MARK: Stopping

    @Test("stopping answers what was written before, then ends the connections and the loop")
    func stop() throws {
        try Listener.run { listener in
            let clients = try (0..<5).map { _ in try listener.connect() }
            // A reply shows that the connection has been accepted.
            for (index, client) in clients.enumerated() {
                try client.send(Self.line("c\(index)") + "\n")
                #expect(try client.reply() == Self.accepted("c\(index)"))
            }
            for (index, client) in clients.enumerated() {
                try client.send((1...100).map { Self.line("c\(index)-\($0)") + "\n" }.joined())
            }
            #expect(listener.stop())
            for (index, client) in clients.enumerated() {
                #expect(try client.allReplies() == (1...100).map { Self.accepted("c\(index)-\($0)") })
            }
            #expect(listener.store.ids.count == 505)
        }
    }

    @Test("stopping waits for what is on its way to the disk")
    func stopWaits() throws {
        try Listener.run(MemoryStore(.held)) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n")
            #expect(listener.store.waitForAppend())
            listener.loop.stop()
            #expect(!client.hasReply())
            listener.store.release(.success(()))
            #expect(try client.allReplies() == [Self.accepted("a")])
        }
    }

    @Test("a lost original is known however many turns were lost with it")
    func manyLost() throws {
        try Listener.run(MemoryStore(.held)) { listener in
            let client = try listener.connect()
            try client.send(Self.line("a") + "\n")
            #expect(listener.store.waitForAppend())
            for number in 1...70 {
                try client.send(Self.line("n\(number)") + "\n")
                #expect(listener.store.waitForAppend())
            }
            let other = try listener.connect()
            try other.send(Self.line("a") + "\n" + Self.line("b") + "\n")
            #expect(listener.store.waitForAppend())
            listener.store.release(.failure(EventStoreFailure(message: "lost", isLackOfSpace: false)))
            #expect(try client.replies(71).allSatisfy { $0.contains("storage_error") })
            #expect(Self.isRefusal(try other.reply(), line: 1, .storageError))
            #expect(Self.isRefusal(try other.reply(), line: 2, .storageError))
        }
    }
}
