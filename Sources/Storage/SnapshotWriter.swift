import RelayCore

/// Writes a file from its beginning in pieces, and sums up a part of it on the way.
struct SnapshotWriter {
    private static let pieceBytes = 64 * 1024

    private let file: any DiskFile
    private var piece: [UInt8] = []
    private var written = 0
    /// Of what was flushed since its beginning; nil: it has none.
    private var checksum: UInt32?
    /// Where in the piece begins what is not summed up yet.
    private var unsummed = 0

    init(file: any DiskFile) {
        self.file = file
    }

    /// Bytes so far.
    var count: Int { written + piece.count }

    mutating func append(_ text: String) { piece += text.utf8 }

    mutating func append(_ bytes: some Sequence<UInt8>) { piece += bytes }

    /// CRC-32C of all from here on to ``endChecksum()``.
    mutating func beginChecksum() {
        checksum = 0
        unsummed = piece.count
    }

    mutating func endChecksum() -> UInt32 {
        sumUp()
        defer { checksum = nil }
        return checksum ?? 0
    }

    mutating func flushIfFull() throws(DiskError) {
        if piece.count >= Self.pieceBytes { try flush() }
    }

    mutating func flush() throws(DiskError) {
        sumUp()
        try file.write(piece, at: written)
        written += piece.count
        piece.removeAll(keepingCapacity: true)
        unsummed = 0
    }

    /// Writes over what was flushed.
    func overwrite(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
        try file.write(bytes, at: offset)
    }

    private mutating func sumUp() {
        guard let before = checksum else { return }
        checksum = piece[unsummed...].withUnsafeBytes { Checksum.crc32c($0, after: before) }
        unsummed = piece.count
    }
}
