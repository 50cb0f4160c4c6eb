import FoundationEssentials
package import RelayCore

/// `registrations.json`: the registration table as it was at some revision.
///
/// One line of JSON: `{"format":"hookline-registrations","version":1,"crc32c":"…","table":{…}}`. The checksum is that of
/// the bytes of the table, from its brace to its brace.
package struct RegistrationSnapshot: Sendable {
    package static let fileName = "registrations.json"

    private struct Table: Codable {
        let revision: UInt64
        let nextNumber: WebhookNumber
        let webhooks: [Webhook]
        /// Whether all deliveries are held back; absent: they are not.
        let isPaused: Bool?
    }

    private static let head = "{\"format\":\"hookline-registrations\",\"version\":"
    private static let version = 1

    package let path: String
    private let directory: String
    private let disk: any Disk

    package init(stateDirectory: String, disk: any Disk) {
        directory = stateDirectory
        path = "\(stateDirectory)/\(Self.fileName)"
        self.disk = disk
    }

    /// Writes the table: to a temporary file, synced, renamed over the old one, the directory synced.
    package func write(_ table: RegistrationTable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let contents = Table(
            revision: table.revision, nextNumber: table.nextNumber, webhooks: table.list(tenant: nil),
            isPaused: table.isPaused ? true : nil)
        let bytes = [UInt8](try encoder.encode(contents))
        let text =
            Array("\(Self.head)\(Self.version),\"crc32c\":\"\(Self.checksum(bytes))\",\"table\":".utf8) + bytes
            + Array("}\n".utf8)
        let temporary = path + ".new"
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.create(temporary)
        } catch {
            // Left over from a write that failed half-way.
            try disk.remove(temporary)
            file = try disk.create(temporary)
        }
        var failure: DiskError?
        text.withUnsafeBytes { raw in
            do throws(DiskError) {
                try file.write([raw], at: 0)
                try file.sync()
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
    }

    /// Reads the table; nil if there is no such file.
    package func read(catalogue: EventCatalogue) throws -> RegistrationTable? {
        guard try disk.list(directory).contains(Self.fileName) else { return nil }
        // A process that was killed may have renamed it and no more: from now on it counts as durable.
        try disk.syncDirectory(directory)
        let file = try disk.open(path)
        var bytes = [UInt8](repeating: 0, count: try file.size())
        var outcome: Result<Int, DiskError> = .success(0)
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) { outcome = .success(try file.read(into: raw, at: 0)) } catch {
                outcome = .failure(error)
            }
        }
        bytes.removeSubrange(try outcome.get()...)
        let table = try decode(bytes)
        return RegistrationTable(
            catalogue: catalogue, webhooks: table.webhooks, revision: table.revision, nextNumber: table.nextNumber,
            isPaused: table.isPaused ?? false)
    }

    private func decode(_ bytes: [UInt8]) throws -> Table {
        let text = bytes[...]
        guard text.starts(with: Self.head.utf8) else { throw damaged("it does not begin as such a file does") }
        let versionText = text.dropFirst(Self.head.utf8.count).prefix { $0 != UInt8(ascii: ",") }
        guard let version = Int(String(decoding: versionText, as: UTF8.self)) else {
            throw damaged("its version can't be read")
        }
        guard version == Self.version else {
            throw StorageRefusal(
                path: path, reason: "is of version \(version), this Hookline knows version \(Self.version)")
        }
        let prefix = Array("\(Self.head)\(version),\"crc32c\":\"".utf8)
        let middle = Array("\",\"table\":".utf8)
        let start = prefix.count + 8 + middle.count
        guard text.count > start + 2, text.starts(with: prefix), text[(prefix.count + 8)...].starts(with: middle),
            text.suffix(2).elementsEqual("}\n".utf8)
        else { throw damaged("it is cut short or changed") }
        let table = Array(text[start..<text.count - 2])
        let stored = String(decoding: text[prefix.count..<prefix.count + 8], as: UTF8.self)
        guard stored == Self.checksum(table) else {
            throw damaged("its checksum is \(Self.checksum(table)), not \(stored)")
        }
        do {
            return try JSONDecoder().decode(Table.self, from: Data(table))
        } catch {
            throw damaged("its contents can't be understood: \(error)")
        }
    }

    private func damaged(_ what: String) -> StorageRefusal {
        StorageRefusal(
            path: path,
            reason: """
                the snapshot of the registered webhooks is damaged: \(what). Hookline does not start without its \
                webhooks. Put a good copy of the file in its place (a backup, mode 0600), or move it away and start with \
                --without-registrations to begin with none
                """)
    }

    private static func checksum(_ bytes: [UInt8]) -> String {
        let value = bytes.withUnsafeBytes { Checksum.crc32c($0) }
        return withUnsafeBytes(of: value.bigEndian) { Hexadecimal.encode(Array($0)) }
    }
}
