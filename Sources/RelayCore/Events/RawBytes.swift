extension UnsafeRawBufferPointer {
    /// Whether the bytes are the same, eight at a time: `elementsEqual` takes them one by one.
    @inline(__always)
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let own = baseAddress, let others = other.baseAddress else { return true }
        guard count >= 8 else {
            for index in 0..<count where self[index] != other[index] { return false }
            return true
        }
        var position = 0
        while position < count {
            // The last word overlaps the one before.
            let at = Swift.min(position, count - 8)
            guard
                own.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    == others.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            else { return false }
            position = at + 8
        }
        return true
    }
}
