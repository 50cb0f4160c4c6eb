import Glibc

/// Cuts a file or stream into lines, holding at most one whole line and one read ahead of it.
struct LineReader {
    enum Item: Equatable {
        /// A line without its LF: its number from 1, and its bytes' range in ``LineReader/withBytes(of:_:)``.
        case line(number: Int, Range<Int>)
        /// A line over the limit, which was skipped to its LF.
        case tooLong(number: Int)
    }

    private var buffer: [UInt8] = []
    private var start = 0
    /// Up to here there is no LF behind `start`.
    private var searched = 0
    private var number = 0
    private var isSkipping = false
    private(set) var isAtEnd = false
    private let bytesMax: Int

    init(bytesMax: Int = SendLimits.lineBytes) {
        self.bytesMax = bytesMax
    }

    /// The next whole line of what was read; nil if more must be read, or everything was taken.
    mutating func next() -> Item? {
        while true {
            if let end = indexOfLineFeed() {
                let line = start..<end
                start = end + 1
                searched = start
                number += 1
                if isSkipping || line.count > bytesMax {
                    isSkipping = false
                    return .tooLong(number: number)
                }
                return .line(number: number, line)
            }
            searched = buffer.count
            if buffer.count - start > bytesMax || isSkipping {
                isSkipping = true
                start = buffer.count
            }
            guard isAtEnd, start < buffer.count || isSkipping else { return nil }
            // The last line has no LF; give it one.
            buffer.append(UInt8(ascii: "\n"))
        }
    }

    func withBytes<Result>(of range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Reads once. To be called when ``next()`` has nothing more; ranges that it returned are no longer good.
    mutating func read(from descriptor: Int32) throws(SystemProblem) {
        buffer.removeFirst(start)
        searched -= start
        start = 0
        let count = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: SendLimits.readBytes))
        var got = 0
        repeat {
            got = buffer.withUnsafeMutableBytes { bytes in
                Glibc.read(descriptor, bytes.baseAddress?.advanced(by: count), SendLimits.readBytes)
            }
        } while got < 0 && errno == EINTR
        let code = errno
        buffer.removeLast(SendLimits.readBytes - max(got, 0))
        if got < 0 && code != EAGAIN { throw SystemProblem("read the input", code: code) }
        if got == 0 { isAtEnd = true }
    }

    private func indexOfLineFeed() -> Int? {
        buffer.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, searched < bytes.count,
                let found = memchr(base + searched, Int32(UInt8(ascii: "\n")), bytes.count - searched)
            else { return nil }
            return base.distance(to: UnsafeRawPointer(found))
        }
    }
}
