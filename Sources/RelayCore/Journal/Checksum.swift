import CChecksum

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
package enum Checksum {
    package static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        hookline_crc32c(0, bytes.baseAddress, bytes.count)
    }
}
