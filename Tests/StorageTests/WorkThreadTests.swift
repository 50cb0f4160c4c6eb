import Glibc
import Storage
import Testing

@Suite("Threads of their own")
struct WorkThreadTests {
    /// What the kernel says of the calling thread's turns, nanoseconds; nil where it has none of its own (before Linux 6.12).
    private static func turn() -> Int? {
        guard let file = fopen("/proc/thread-self/sched", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("se.slice") else { continue }
            return text.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) }
        }
        return nil
    }

    @Test("one that somebody waits for takes short turns, and no other does", .enabled(if: turn() != nil))
    func shortTurns() async {
        for isPrompt in [true, false] {
            let turn = await withCheckedContinuation { answer in
                _ = WorkThread(name: "turns", isPrompt: isPrompt) { answer.resume(returning: Self.turn()) }
            }
            #expect(turn.map { $0 == 100_000 } == isPrompt)
        }
    }
}
