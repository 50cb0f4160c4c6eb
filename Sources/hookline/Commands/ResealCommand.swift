import AdminAPI
import ArgumentParser
import Cryptography
import Glibc
import Logging
import Relay
import RelayCore
import Storage

/// `hookline reseal`: another key for the secrets of a state directory, none, or the first one.
struct ResealCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reseal",
        abstract: "Seals the webhooks' secrets under another master key.",
        usage: """
            hookline reseal --new-key <file> [--key <file>] [<options>]
            hookline reseal --plain --key <file> [<options>]
            """,
        discussion: """
            For a state directory that no daemon uses: stop it first. A key is a file of 32 bytes, or of their base64; "-" is \
            standard input. After this the daemon has to be given the new key as the systemd credential \
            hookline.master-key; until then it does not start.

              systemctl stop hookline
              head -c 32 /dev/urandom | install -m 0600 /dev/stdin /etc/credstore/new-key
              hookline reseal --key /etc/credstore/hookline.master-key --new-key /etc/credstore/new-key
              mv /etc/credstore/new-key /etc/credstore/hookline.master-key
              systemctl start hookline

            Cut short at any time, the state can be read with one of the two keys: run it again. Root becomes the owner of \
            the directory before it touches anything there.

            Exit status: 0 done, also if there was nothing to do; 1 if it can't be done; 78 if a key is none, or not the \
            one that the secrets are sealed under.
            """)

    @Option(help: ArgumentHelp("The key from now on.", valueName: "file"))
    var newKey: String?

    @Flag(help: "No key from now on: secrets are written as they are.")
    var plain = false

    @Option(
        help: ArgumentHelp(
            "The key up to now (default: hookline.master-key in $CREDENTIALS_DIRECTORY, if it is there).",
            valueName: "file"))
    var key: String?

    @OptionGroup var directory: StateDirectoryOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (newKey != nil) != plain else {
            throw ValidationError("Say either --new-key with a file, or --plain.")
        }
        guard newKey != "-" || key != "-" else {
            throw ValidationError("Standard input can't be both keys.")
        }
    }

    func run() async throws {
        let (old, new): (MasterKey?, MasterKey?)
        do {
            old =
                try key.map { try MasterKeyFile.read($0) } ?? MasterKeyFile.credential(ConfigurationSource.environment)
            new = try newKey.map { try MasterKeyFile.read($0) }
        } catch let failure as ConfigurationErrors {
            for error in failure.errors { FailureText.print("\(error)") }
            throw ExitStatus.configuration
        }
        let (before, outcome): (String?, StateSealing.Outcome?)
        do {
            (before, outcome) = try Self.reseal(directory.path, old, new)
        } catch let refusal as KeyRefusal {
            FailureText.print("hookline: \(refusal)")
            throw ExitStatus.configuration
        } catch {
            FailureText.print("hookline: \(error)")
            throw ExitStatus.failed
        }
        tell(before, new?.keyID, outcome)
    }

    /// - Returns: the id of the key before, and what was done; nil: nothing was to be done.
    private static func reseal(
        _ path: String, _ old: MasterKey?, _ new: MasterKey?
    ) throws -> (before: String?, StateSealing.Outcome?) {
        try becomeOwner(of: path)
        let state = try StateDirectory(path)
        defer { withExtendedLifetime(state) {} }
        // Each segment is open, and so is its index.
        DescriptorLimit.raise()
        let logger = Logger(label: "hookline") { _ in SwiftLogNoOpLogHandler() }
        let sealing = StateSealing(stateDirectory: path, disk: SystemDisk(), logger: logger)
        let seal = try sealing.seal()
        let oldCoding = old.map { RegistrationCoding.sealed($0) } ?? .plain
        let newCoding = new.map { RegistrationCoding.sealed($0) } ?? .plain
        guard let new else {
            if seal != nil, seal?.keyID == nil { return (nil, nil) }
            return (seal?.keyID, try sealing.change(from: oldCoding, to: newCoding))
        }
        if seal?.keyID == new.keyID {
            guard let scrubFrom = seal?.scrubFrom, scrubFrom > 0 else { return (new.keyID, nil) }
            // It was cut short.
            return (new.keyID, try sealing.change(from: newCoding, to: newCoding))
        }
        return (seal?.keyID, try sealing.change(from: oldCoding, to: newCoding))
    }

    /// Files that root makes could not be used by the daemon, and what is in a directory of somebody else's is not for root
    /// to follow.
    private static func becomeOwner(of path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw StorageRefusal(
                path: path, reason: "\(SystemProblem.reason(errno)): name the state directory with --state-dir")
        }
        guard geteuid() == 0, status.st_uid != 0 else { return }
        guard setgroups(0, nil) == 0, setgid(status.st_gid) == 0, setuid(status.st_uid) == 0 else {
            throw SystemProblem("become uid \(status.st_uid), the owner of \(path)")
        }
    }

    private func tell(_ before: String?, _ after: String?, _ outcome: StateSealing.Outcome?) {
        if json {
            let value: JSONValue = [
                "stateDirectory": .string(directory.path),
                "changed": .bool(outcome != nil),
                "keyBefore": .text(before),
                "key": .text(after),
                "webhooks": outcome.map { .count($0.webhooks) } ?? .null,
                "records": outcome.map { .count($0.scrubbed) } ?? .null,
                "foreign": .array((outcome?.foreign ?? []).map { .string($0) }),
            ]
            Console.write(JSONWriter.compact(value) + [0x0A], to: 1)
            return
        }
        guard let outcome else {
            Console.print(
                after.map { "The secrets are sealed under the key \($0) already." } ?? "The secrets are not sealed.")
            return
        }
        let count = "\(outcome.webhooks) webhook\(outcome.webhooks == 1 ? "" : "s")"
        guard let after else {
            Console.print("The secrets of \(count) are not sealed any more.")
            Console.print(
                "Take the credential hookline.master-key away before the daemon is started: it would seal them.")
            return
        }
        Console.print("The secrets of \(count) are sealed under the key \(after).")
        if outcome.scrubbed > 0 {
            Console.print(
                "\(outcome.scrubbed) older record\(outcome.scrubbed == 1 ? "" : "s") in the journal overwritten.")
        }
        for name in outcome.foreign {
            Console.print("\(PrintableText.of(name)) in the journal's directory is none of ours, and left as it is.")
        }
        Console.print("Give the daemon that key as the credential hookline.master-key before it is started.")
    }
}
