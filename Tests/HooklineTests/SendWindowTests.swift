import Testing

@testable import hookline

@Suite struct SendWindowTests {
    private let accepted = Reply.accepted(isDuplicate: false)
    private let duplicate = Reply.accepted(isDuplicate: true)
    private let invalid = Reply.Refusal(error: "invalid_json", message: "no", retryAfter: nil)
    private let busy = Reply.Refusal(error: "backlog_full", message: "full", retryAfter: .milliseconds(500))

    private func window(lines: Int, patience: Duration = .seconds(30)) -> SendWindow {
        var window = SendWindow(linesMax: 4, bytesMax: 100, patience: patience)
        for number in 1...lines { window.add(number: number, bytes: [UInt8(number)]) }
        return window
    }

    /// Writes all that may be written, and returns which lines that were.
    private func writeAll(_ window: inout SendWindow, at now: Duration = .zero) -> [UInt8] {
        var written: [UInt8] = []
        while let line = window.write(at: now) { written += line }
        return written
    }

    @Test func repliesSettleLinesInOrder() {
        var window = window(lines: 3)
        #expect(writeAll(&window) == [1, 2, 3])
        #expect(window.receive(accepted, at: .zero) == .accepted(.init(number: 1, bytes: [1])))
        #expect(window.receive(.refused(invalid), at: .zero) == .refused(.init(number: 2, bytes: [2]), invalid))
        #expect(window.receive(duplicate, at: .zero) == .duplicate(.init(number: 3, bytes: [3])))
        #expect(window.isEmpty)
        #expect(window.receive(accepted, at: .zero) == .unexpected)
    }

    @Test func aReplyBeforeItsLineIsUnexpected() {
        var window = window(lines: 1)
        #expect(window.receive(accepted, at: .zero) == .unexpected)
        #expect(window.count == 1)
    }

    @Test func roomIsBoundedByLines() {
        #expect(window(lines: 3).hasRoom)
        var full = window(lines: 4)
        #expect(!full.hasRoom)
        #expect(writeAll(&full) == [1, 2, 3, 4])
        #expect(!full.hasRoom, "written lines count until they are settled")
        _ = full.receive(accepted, at: .zero)
        #expect(full.hasRoom)
    }

    @Test func roomIsBoundedByBytesButALongLineGoesAlone() {
        var window = SendWindow(linesMax: 4, bytesMax: 100, patience: .zero)
        #expect(window.hasRoom)
        window.add(number: 1, bytes: [UInt8](repeating: 0, count: 1_000))
        #expect(!window.hasRoom)
        _ = window.write(at: .zero)
        _ = window.receive(accepted, at: .zero)
        window.add(number: 2, bytes: [UInt8](repeating: 0, count: 99))
        #expect(window.hasRoom)
        window.add(number: 3, bytes: [0])
        #expect(!window.hasRoom)
    }

    @Test func aLostConnectionSendsAllAgainInOrder() {
        var window = window(lines: 4)
        _ = window.write(at: .zero)
        _ = window.write(at: .zero)
        _ = window.receive(accepted, at: .zero)
        window.connectionLost()
        #expect(window.firstNumber == 2)
        #expect(writeAll(&window) == [2, 3, 4])
    }

    @Test func aDuplicateOfOurOwnIsAnAcceptance() {
        var window = window(lines: 2)
        _ = window.write(at: .zero)
        window.connectionLost()
        _ = writeAll(&window)
        #expect(window.receive(duplicate, at: .zero) == .accepted(.init(number: 1, bytes: [1], wasWritten: true)))
        #expect(window.receive(duplicate, at: .zero) == .duplicate(.init(number: 2, bytes: [2])))
    }

    @Test func aPassingRefusalHoldsAllAndGoesFirst() {
        var window = window(lines: 4)
        _ = window.write(at: .zero)
        _ = window.write(at: .zero)
        #expect(window.receive(.refused(busy), at: .seconds(1)) == .postponed)
        #expect(window.receive(.refused(busy), at: .seconds(1)) == .postponed)
        #expect(window.holdUntil == .milliseconds(1_500))
        #expect(!window.canWrite(at: .milliseconds(1_499)))
        #expect(window.write(at: .milliseconds(1_499)) == nil)
        #expect(window.canWrite(at: .milliseconds(1_500)))
        #expect(writeAll(&window, at: .milliseconds(1_500)) == [1, 2, 3, 4])
        #expect(window.count == 4)
    }

    @Test func patienceEnds() {
        var window = window(lines: 1, patience: .seconds(2))
        for second in [Duration.zero, .seconds(1), .milliseconds(1_500)] {
            _ = window.write(at: second)
            #expect(window.receive(.refused(busy), at: second) == .postponed)
        }
        _ = window.write(at: .seconds(3))
        guard case .refused(let line, let refusal) = window.receive(.refused(busy), at: .seconds(3)) else {
            Issue.record("it went on")
            return
        }
        #expect(line.number == 1)
        #expect(refusal == busy)
        #expect(window.isEmpty)
    }

    @Test func aLostConnectionEndsTheHold() {
        var window = window(lines: 2)
        _ = window.write(at: .zero)
        _ = window.receive(.refused(busy), at: .zero)
        window.connectionLost()
        #expect(window.canWrite(at: .zero))
    }
}
