/// A copy of bytes, at an address that stays the same: to read it, nothing is retained and released, which an array is at
/// every access from a closure or by way of another array.
package struct PinnedBytes: @unchecked Sendable {
    // Never written after init.
    /// Valid as long as this value or a copy of it is there.
    package let contents: UnsafeRawBufferPointer
    private let owner: Owner

    private final class Owner: @unchecked Sendable {
        let memory: UnsafeMutableRawBufferPointer
        init(_ count: Int) { memory = .allocate(byteCount: count, alignment: 1) }
        deinit { memory.deallocate() }
    }

    package init(_ bytes: some Collection<UInt8>) {
        owner = Owner(bytes.count)
        owner.memory.copyBytes(from: bytes)
        contents = UnsafeRawBufferPointer(owner.memory)
    }
}

extension PinnedBytes: Equatable {
    package static func == (one: Self, other: Self) -> Bool { one.contents.equals(other.contents) }
}
