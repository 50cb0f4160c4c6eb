import CChecksum

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
package enum Checksum {
    ///
    /// - Parameter checksum: of what stands before the bytes, where they are a later part.
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, after checksum: UInt32 = 0) -> UInt32 {
        hookline_crc32c(checksum, bytes.baseAddress, bytes.count)
    }
}
