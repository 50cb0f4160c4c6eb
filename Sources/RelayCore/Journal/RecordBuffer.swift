/// Memory that holds journal records one after the other, each as it stands on disk.
///
/// One owner at a time writes to it (the ingest loop, then the journal thread, which seals the records); from the sync
/// on it never changes, and whoever holds a reference may read it. Deliveries go out from this memory.
package final class RecordBuffer: @unchecked Sendable {
    // Written by one owner at a time, handed on through the journal's queue, whose lock orders the accesses. No access
    // lasts longer than a statement: checking them for overlaps would cost a tenth of taking an event.
    @exclusivity(unchecked) package private(set) var bytes: UnsafeMutableRawPointer
    @exclusivity(unchecked) package private(set) var count = 0
    @exclusivity(unchecked) private var capacity: Int

    /// - Parameter capacity: bytes to begin with; it grows.
    package init(capacity: Int = 4096) {
        self.capacity = max(64, capacity)
        bytes = .allocate(byteCount: self.capacity, alignment: 8)
    }

    deinit {
        bytes.deallocate()
    }

    package var isEmpty: Bool { count == 0 }
    package var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: count) }

    /// Makes room for more bytes behind those that are there and says where.
    @inline(__always)
    package func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        if count + more > capacity { grow(to: count + more) }
        return bytes + count
    }

    /// Takes bytes that were written behind the end as part of the contents.
    package func advance(by more: Int) {
        precondition(count + more <= capacity)
        count += more
    }

    /// Cuts the contents off behind the first `count` bytes.
    package func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    @inline(never)
    private func grow(to needed: Int) {
        capacity = max(needed, capacity * 2)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: bytes, byteCount: count)
        bytes.deallocate()
        bytes = larger
    }
}

// MARK: Writing little-endian fields

extension RecordBuffer {
    @inline(__always)
    package func append<T: FixedWidthInteger>(_ value: T) {
        let size = MemoryLayout<T>.size
        reserve(size).storeBytes(of: value.littleEndian, as: T.self)
        count += size
    }

    @inline(__always)
    package func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress else { return }
        reserve(source.count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    package func append(_ source: [UInt8]) {
        source.withUnsafeBytes { append($0) }
    }

    @inline(__always)
    package func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Begins a record; its payload is what is appended until ``endRecord(at:)``.
    ///
    /// - Returns: where it begins.
    @inline(__always)
    package func beginRecord(_ kind: RecordKind, sequence: UInt64) -> Int {
        let start = count
        let header = reserve(RecordFormat.headerBytes)
        header.storeBytes(of: 0, as: UInt64.self)
        header.storeBytes(of: sequence.littleEndian, toByteOffset: 8, as: UInt64.self)
        header.storeBytes(of: UInt64(kind.rawValue).littleEndian, toByteOffset: 16, as: UInt64.self)
        count += RecordFormat.headerBytes
        return start
    }

    /// Ends the record that began at `start`: fills in its length and pads it. The checksum comes when it is written,
    /// since it depends on the segment.
    @inline(__always)
    package func endRecord(at start: Int) {
        let length = count - start - RecordFormat.headerBytes
        (bytes + start).storeBytes(of: UInt32(length).littleEndian, toByteOffset: 4, as: UInt32.self)
        let padding = RecordFormat.paddedBytes(payload: length) - RecordFormat.headerBytes - length
        if padding > 0 {
            reserve(padding).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
            count += padding
        }
    }
}
