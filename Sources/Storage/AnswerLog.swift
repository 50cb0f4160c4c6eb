import FoundationEssentials
package import RelayCore

/// `answers.log`: answers to requests with an `Idempotency-Key`, so that they can be given again after a restart.
///
/// A line for each, oldest first: eight hexadecimal digits, the CRC-32C of what stands between the space behind them and the
/// line's end; a space; JSON.
///
/// ```
/// 0a1b2c3d {"at":1777000000000,"caller":"…","contents":"…","id":"…","answer":{"body":"BASE64","status":201,…}}
/// ```
///
/// With a master key `"sealed":"1.KEY.BYTES"` stands in place of `answer`, bound to `id` and `contents`. A line that can't
/// be read is left out, and so is one that is sealed under another key: what is lost is that a request sent once more
/// would be known.
package final class AnswerLog {
    package static let fileName = "answers.log"

    /// The most that a file may have to be read: more than the bounds of what is kept let it have.
    private static let bytesMax = 64 << 20
    /// Bytes that are not needed any more before it is written anew.
    private static let waste = 1 << 20

    private struct Line: Codable {
        let id: String
        let caller: String
        let contents: String
        let at: Int64
        let answer: Answer?
        let sealed: String?
    }

    private struct Answer: Codable {
        let status: Int
        let type: String?
        let location: String?
        let body: String
    }

    private let directory: String
    private let disk: any Disk
    private let coding: RegistrationCoding
    private var file: (any DiskFile)?
    /// Bytes of it that are whole lines.
    private var end = 0

    package init(stateDirectory: String, disk: any Disk, coding: RegistrationCoding) {
        directory = stateDirectory
        self.disk = disk
        self.coding = coding
    }

    private var path: String { "\(directory)/\(Self.fileName)" }

    /// Whether what is written can be read by nobody without the key.
    package var isSealed: Bool { coding.sealer != nil }

    /// What there is, oldest first.
    package func read() throws(DiskError) -> [AnswerMemory.Entry] {
        guard try disk.list(directory).contains(Self.fileName) else { return [] }
        let file = try disk.open(path)
        let bytes = try file.read(min(try file.size(), Self.bytesMax), at: 0)
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { entry(in: $0) }
    }

    /// Puts other contents in its place: to a temporary file, synced, renamed over the old one, the directory synced.
    package func rewrite(_ entries: [AnswerMemory.Entry]) throws(DiskError) {
        file = nil
        let names = try disk.list(directory)
        if entries.isEmpty, !names.contains(Self.fileName) { return }
        let temporary = path + ".new"
        if names.contains(Self.fileName + ".new") { try disk.remove(temporary) }
        let bytes = entries.flatMap { line(of: $0) }
        let new = try disk.create(temporary)
        try new.write(bytes, at: 0)
        try new.sync()
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
        file = new
        end = bytes.count
    }

    /// Adds an answer, durably.
    ///
    /// - Parameter all: those that are to be kept, with the new one.
    package func append(_ entry: AnswerMemory.Entry, of all: () -> [AnswerMemory.Entry]) throws(DiskError) {
        let bytes = line(of: entry)
        guard let file, end < 2 * lastBytes + Self.waste else {
            try rewrite(all())
            lastBytes = end
            return
        }
        do throws(DiskError) {
            try file.write(bytes, at: end)
            try file.sync()
        } catch {
            // Nobody knows what stands there now: the next one makes the file anew.
            self.file = nil
            throw error
        }
        end += bytes.count
    }

    /// Bytes that it had when it was written anew.
    private var lastBytes = 0

    // MARK: Lines

    private func line(of entry: AnswerMemory.Entry) -> [UInt8] {
        let answer = Answer(
            status: entry.answer.status, type: entry.answer.contentType, location: entry.answer.location,
            body: Base64.encode(entry.answer.body))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            let sealed = try coding.sealer.map {
                SealedText(
                    keyID: $0.keyID,
                    bytes: $0.seal(
                        [UInt8](try encoder.encode(answer)), binding: Self.binding(entry.id, entry.contents))
                ).text
            }
            let json = [UInt8](
                try encoder.encode(
                    Line(
                        id: entry.id, caller: entry.caller, contents: entry.contents, at: entry.at,
                        answer: sealed == nil ? answer : nil, sealed: sealed)))
            return Array("\(Self.checksum(json)) ".utf8) + json + [UInt8(ascii: "\n")]
        } catch {
            preconditionFailure("an answer can't be encoded: \(error)")
        }
    }

    private func entry(in line: ArraySlice<UInt8>) -> AnswerMemory.Entry? {
        let json = Array(line.dropFirst(9))
        // Neither cut short by a crash, nor changed, nor of a form that a later version has: nothing else is asked of it.
        guard line.count > 9, String(decoding: line.prefix(8), as: UTF8.self) == Self.checksum(json),
            let line = try? JSONDecoder().decode(Line.self, from: Data(json)), let answer = self.answer(in: line),
            let body = Base64.decode(Array(answer.body.utf8))
        else { return nil }
        return AnswerMemory.Entry(
            id: line.id, caller: line.caller, contents: line.contents, at: line.at,
            answer: KeptAnswer(
                status: answer.status, contentType: answer.type, location: answer.location, body: body))
    }

    private func answer(in line: Line) -> Answer? {
        if let answer = line.answer { return answer }
        guard let sealed = line.sealed.flatMap({ SealedText($0) }), let sealer = coding.sealer,
            let plain = sealer.open(sealed.bytes, binding: Self.binding(line.id, line.contents))
        else { return nil }
        // It was opened, so it is as it was written: by a version that may have had another form.
        return try? JSONDecoder().decode(Answer.self, from: Data(plain))
    }

    private static func binding(_ id: String, _ contents: String) -> [UInt8] {
        Array("hookline api answer 1\0\(id)\0\(contents)".utf8)
    }

    private static func checksum(_ bytes: [UInt8]) -> String {
        let value = bytes.withUnsafeBytes { Checksum.crc32c($0) }
        return withUnsafeBytes(of: value.bigEndian) { Hexadecimal.encode(Array($0)) }
    }

    // MARK: Other keys

    /// Brings the file under another key, or back into the plain.
    static func rewrite(
        stateDirectory: String, disk: any Disk, from old: RegistrationCoding, to new: RegistrationCoding
    ) throws(DiskError) {
        let entries = try AnswerLog(stateDirectory: stateDirectory, disk: disk, coding: old).read()
        try AnswerLog(stateDirectory: stateDirectory, disk: disk, coding: new).rewrite(entries)
    }
}
