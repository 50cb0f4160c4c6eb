import FoundationEssentials
package import RelayCore

/// `registrations.json`: the registration table as it was at some revision.
///
/// One line of JSON: `{"format":"hookline-registrations","version":1,"crc32c":"…","table":{…}}`. The checksum is that of
/// the bytes of the table, from its brace to its brace.
///
/// Where secrets are sealed it is `{"format":"hookline-registrations","version":2,"crc32c":"…","key":"…","scrubFrom":0,
/// "table":{…}}`, and the checksum that of everything behind it but for the last brace.
package struct RegistrationSnapshot: Sendable {
    package static let fileName = "registrations.json"

    /// What stands before the webhooks; they are the last by name.
    private struct TableFront: Encodable {
        let isPaused: Bool?
        let keys: [APIKey]?
        let nextNumber: WebhookNumber
        let revision: UInt64
    }

    private struct Table: Decodable {
        let revision: UInt64
        let nextNumber: WebhookNumber
        let webhooks: [Webhook]
        /// Whether all deliveries are held back; absent: they are not.
        let isPaused: Bool?
        /// Keys to the API; absent: there are none.
        let keys: [APIKey]?
    }

    /// How the secrets in it are written.
    package struct Seal: Equatable, Sendable {
        /// Of the key; nil: they are not sealed.
        package var keyID: String?
        /// The ordinal from which on segments may hold secrets that are not sealed under it; 0: none does.
        package var scrubFrom: UInt64

        package init(keyID: String? = nil, scrubFrom: UInt64 = 0) {
            self.keyID = keyID
            self.scrubFrom = scrubFrom
        }
    }

    /// What stands in the file, the table's bytes still as JSON.
    private struct Contents {
        let seal: Seal
        let table: [UInt8]
    }

    private static let head = "{\"format\":\"hookline-registrations\",\"version\":"

    package let path: String
    private let directory: String
    private let disk: any Disk
    private let coding: RegistrationCoding
    /// Is written along where secrets are sealed, see ``Seal``.
    package var scrubFrom: UInt64 = 0

    package init(stateDirectory: String, disk: any Disk, coding: RegistrationCoding = .plain) {
        directory = stateDirectory
        path = "\(stateDirectory)/\(Self.fileName)"
        self.disk = disk
        self.coding = coding
    }

    /// Writes the table: to a temporary file, synced, renamed over the old one, the directory synced.
    package func write(_ table: RegistrationTable) throws {
        let temporary = path + ".new"
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.create(temporary)
        } catch {
            // Left over from a write that failed half-way.
            try disk.remove(temporary)
            file = try disk.create(temporary)
        }
        var writer = SnapshotWriter(file: file)
        try write(table, to: &writer)
        try file.sync()
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
    }

    /// Webhook by webhook: a table of any size takes the memory of a piece.
    private func write(_ table: RegistrationTable, to writer: inout SnapshotWriter) throws {
        let encoder = coding.encoder([.sortedKeys, .withoutEscapingSlashes])
        writer.append("\(Self.head)\(coding.keyID == nil ? 1 : 2),\"crc32c\":\"")
        let place = writer.count
        // The checksum's: it is known at the end.
        writer.append("00000000\",")
        if let key = coding.keyID {
            writer.beginChecksum()
            writer.append("\"key\":\"\(key)\",\"scrubFrom\":\(scrubFrom),\"table\":")
        } else {
            writer.append("\"table\":")
            writer.beginChecksum()
        }
        let keys = table.keyList
        let front = TableFront(
            isPaused: table.isPaused ? true : nil, keys: keys.isEmpty ? nil : keys, nextNumber: table.nextNumber,
            revision: table.revision)
        writer.append(try encoder.encode(front).dropLast())
        writer.append(",\"webhooks\":[")
        var isFirst = true
        for number in table.numbers(tenant: nil) {
            if !isFirst { writer.append(",") }
            isFirst = false
            writer.append(try encoder.encode(table[number]))
            try writer.flushIfFull()
        }
        writer.append("]}")
        let checksum = writer.endChecksum()
        writer.append("}\n")
        try writer.flush()
        try writer.overwrite(Array(Self.text(checksum).utf8), at: place)
    }

    /// Reads the table; nil if there is no such file.
    ///
    /// - Throws: ``KeyRefusal`` if its secrets are sealed under another key; ``StorageRefusal``, ``DiskError``.
    package func read(catalogue: EventCatalogue) throws -> RegistrationTable? {
        guard let contents = try contents() else { return nil }
        if let sealedUnder = contents.seal.keyID, !coding.isWithholding, sealedUnder != coding.keyID {
            let failure: SecretsFailure =
                coding.keyID.map { .otherKey(sealedUnder: sealedUnder, given: $0) } ?? .noKey(sealedUnder: sealedUnder)
            throw failure.refusal(path: path)
        }
        let table: Table
        do {
            table = try coding.decode(Table.self, Data(contents.table))
        } catch let failure as SecretsFailure {
            throw failure.refusal(path: path)
        } catch {
            throw damaged("its contents can't be understood: \(error)")
        }
        return RegistrationTable(
            catalogue: catalogue, webhooks: table.webhooks, revision: table.revision, nextNumber: table.nextNumber,
            isPaused: table.isPaused ?? false, keys: table.keys ?? [])
    }

    /// How the file's secrets are written, which takes no key to know; nil if there is no such file.
    package func seal() throws -> Seal? { try contents()?.seal }

    private func contents() throws -> Contents? {
        guard try disk.list(directory).contains(Self.fileName) else { return nil }
        // A process that was killed may have renamed it and no more: from now on it counts as durable.
        try disk.syncDirectory(directory)
        let file = try disk.open(path)
        return try parse(try file.read(try file.size(), at: 0))
    }

    private func parse(_ bytes: [UInt8]) throws -> Contents {
        let text = bytes[...]
        guard text.starts(with: Self.head.utf8) else { throw damaged("it does not begin as such a file does") }
        let versionText = text.dropFirst(Self.head.utf8.count).prefix { $0 != UInt8(ascii: ",") }
        guard let version = Int(String(decoding: versionText, as: UTF8.self)) else {
            throw damaged("its version can't be read")
        }
        guard (1...2).contains(version) else {
            throw StorageRefusal(
                path: path, reason: "is of version \(version), this Hookline knows versions 1 and 2")
        }
        let prefix = Array("\(Self.head)\(version),\"crc32c\":\"".utf8)
        let start = prefix.count + 8 + 2
        guard text.count > start + 2, text.starts(with: prefix), text[(start - 2)...].starts(with: "\",".utf8),
            text.suffix(2).elementsEqual("}\n".utf8)
        else { throw damaged("it is cut short or changed") }
        let stored = String(decoding: text[prefix.count..<prefix.count + 8], as: UTF8.self)
        let rest = Array(text[start..<text.count - 2])
        if version == 1 {
            guard let table = Self.value(of: "table", in: rest[...]) else {
                throw damaged("it is cut short or changed")
            }
            try check(Array(table), stored)
            return Contents(seal: Seal(), table: Array(table))
        }
        try check(rest, stored)
        guard let key = Self.value(of: "key", in: rest[...]), let keyEnd = key.firstIndex(of: UInt8(ascii: ",")),
            let scrub = Self.value(of: "scrubFrom", in: key[(keyEnd + 1)...]),
            let scrubEnd = scrub.firstIndex(of: UInt8(ascii: ",")),
            let scrubFrom = UInt64(String(decoding: scrub[..<scrubEnd], as: UTF8.self)),
            let table = Self.value(of: "table", in: scrub[(scrubEnd + 1)...])
        else { throw damaged("it is changed") }
        let keyID = String(decoding: key[..<keyEnd].dropFirst().dropLast(), as: UTF8.self)
        return Contents(seal: Seal(keyID: keyID, scrubFrom: scrubFrom), table: Array(table))
    }

    /// What stands behind a member's name, with which the text must begin.
    private static func value(of name: String, in text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let prefix = "\"\(name)\":".utf8
        return text.starts(with: prefix) ? text.dropFirst(prefix.count) : nil
    }

    private func check(_ bytes: [UInt8], _ stored: String) throws {
        let checksum = Self.checksum(bytes)
        guard stored == checksum else { throw damaged("its checksum is \(checksum), not \(stored)") }
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
        text(bytes.withUnsafeBytes { Checksum.crc32c($0) })
    }

    private static func text(_ checksum: UInt32) -> String {
        withUnsafeBytes(of: checksum.bigEndian) { Hexadecimal.encode(Array($0)) }
    }
}
