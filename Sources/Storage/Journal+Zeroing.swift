import Glibc
import RelayCore

/// Writing zeros behind the records.
///
/// The first write to a block whose space was only taken beforehand changes the file system's metadata, and its sync waits
/// until a thread of the kernel's has written them: twice as long, and milliseconds where the processors are busy. So a small
/// batch is written with zeros behind it, and hundreds after it find blocks that have been written before. Zeros are
/// what was there anyway: a reader, and a start after a crash, sees no difference.
extension Journal {
    /// How many zeros to write behind a batch that ends at an offset.
    func zerosAhead(from offset: Int, bytes: Int) -> Int {
        // A large batch takes its time in any case, and twice the bytes would be more.
        guard writer.isAllocated, offset > writer.zeroedThrough, bytes < Limits.largeBatchBytes else { return 0 }
        return max(0, min(Limits.zeroedBytes, writer.limit - offset))
    }

    static func zeros(_ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(start: page, count: Limits.zeroedBytes)[..<count])
    }

    // Mapped, read, and never written: it takes no memory.
    nonisolated(unsafe) private static let page: UnsafeMutableRawPointer = {
        let page = mmap(nil, Limits.zeroedBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page, page != MAP_FAILED else {
            preconditionFailure("no memory: \(String(cString: strerror(errno)))")
        }
        return page
    }()
}
