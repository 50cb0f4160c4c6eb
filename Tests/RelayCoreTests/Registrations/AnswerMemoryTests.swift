import Testing

@testable import RelayCore

@Suite struct AnswerMemoryTests {
    private static func entry(_ id: String, caller: String = "a", at: Int64 = 0, bytes: Int = 0) -> AnswerMemory.Entry {
        AnswerMemory.Entry(
            id: id, caller: caller, contents: "c", at: at,
            answer: KeptAnswer(status: 201, contentType: nil, location: nil, body: [UInt8](repeating: 1, count: bytes)))
    }

    @Test func verdicts() {
        var memory = AnswerMemory()
        #expect(memory.begin(id: "1", contents: "c", now: 0) == .new)
        #expect(memory.begin(id: "1", contents: "c", now: 0) == .inProgress)
        #expect(memory.begin(id: "1", contents: "d", now: 0) == .different)
        memory.insert(Self.entry("1"))
        #expect(memory.begin(id: "1", contents: "c", now: 0) == .known(Self.entry("1").answer))
        #expect(memory.begin(id: "1", contents: "d", now: 0) == .different)
        #expect(memory.begin(id: "2", contents: "c", now: 0) == .new)
        memory.abandon(id: "2")
        #expect(memory.begin(id: "2", contents: "d", now: 0) == .new)
    }

    @Test func aDay() {
        var memory = AnswerMemory()
        memory.insert(Self.entry("1", at: 1000))
        memory.insert(Self.entry("2", at: 1001))
        let day: Int64 = 24 * 3600 * 1000
        #expect(memory.begin(id: "1", contents: "c", now: 1000 + day - 1) == .known(Self.entry("1", at: 1000).answer))
        #expect(memory.begin(id: "1", contents: "c", now: 1000 + day) == .new)
        #expect(memory.all.map(\.id) == ["2"])
    }

    @Test func oneCallerForgetsItsOwn() {
        var bounds = AnswerMemory.Bounds()
        bounds.countPerCaller = 3
        bounds.bytesPerCaller = 10_000
        var memory = AnswerMemory(bounds: bounds)
        memory.insert(Self.entry("quiet", caller: "b"))
        for index in 0..<5 { memory.insert(Self.entry("\(index)")) }
        #expect(memory.all.map(\.id) == ["quiet", "2", "3", "4"])
        memory.insert(Self.entry("large", bytes: 9_000))
        #expect(memory.all.map(\.id) == ["quiet", "large"])
        #expect(memory.bytes == memory.all.map(\.bytes).reduce(0, +))
    }

    @Test func allTogetherForgetTheOldest() {
        var bounds = AnswerMemory.Bounds()
        bounds.count = 4
        var memory = AnswerMemory(bounds: bounds)
        for index in 0..<6 { memory.insert(Self.entry("\(index)", caller: "c\(index)")) }
        #expect(memory.all.map(\.id) == ["2", "3", "4", "5"])
        bounds.count = 100
        bounds.bytes = 3 * 512 + 20
        memory = AnswerMemory(bounds: bounds)
        for index in 0..<6 { memory.insert(Self.entry("\(index)", caller: "c\(index)", bytes: 5)) }
        #expect(memory.all.map(\.id) == ["3", "4", "5"])
    }

    /// However many come, what is kept of them stays within the bounds.
    @Test func manyOfOneCaller() {
        var bounds = AnswerMemory.Bounds()
        bounds.countPerCaller = 10
        var memory = AnswerMemory(bounds: bounds)
        memory.insert(Self.entry("quiet", caller: "b"))
        for index in 0..<20_000 { memory.insert(Self.entry("\(index)", at: Int64(index / 100))) }
        #expect(memory.count == 11)
        #expect(memory.all.last?.id == "19999")
        #expect(memory.begin(id: "quiet", contents: "c", now: 1) != .new)
    }
}
