import Cryptography
import Glibc
import Relay
import RelayCore
import Storage

/// Reads the key that seals secrets: the systemd credential, or a file that a command names.
enum MasterKeyFile {
    /// systemd.exec(5), LoadCredential=.
    static func credentialPath(_ environment: [String: String]) -> String? {
        guard let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty else { return nil }
        return "\(directory)/\(SecretsFailure.credential)"
    }

    /// - Returns: nil if there is no such credential.
    /// - Throws: `ConfigurationErrors` if it can't be read, or is no key.
    static func credential(_ environment: [String: String]) throws -> MasterKey? {
        guard let path = credentialPath(environment) else { return nil }
        do throws(SystemProblem) {
            let descriptor = try FileInput.open(path)
            close(descriptor)
        } catch  where error.code == ENOENT {
            return nil
        } catch {
            throw problem(path, "can't be read: \(SystemProblem.reason(error.code))")
        }
        return try read(path)
    }

    /// - Parameter path: `-` is standard input.
    /// - Throws: `ConfigurationErrors` that do not repeat what is in it.
    static func read(_ path: String) throws -> MasterKey {
        var contents: [UInt8]
        do {
            contents = try FileInput.wholeFile(path, bytesMax: 4096)
        } catch let error as SystemProblem {
            throw problem(path, "can't be read: \(SystemProblem.reason(error.code))")
        } catch {
            throw problem(path, "\(MasterKey.Problem.length(4097))")
        }
        do throws(MasterKey.Problem) {
            return try MasterKey(wiping: &contents)
        } catch {
            throw problem(path, "\(error)")
        }
    }

    private static func problem(_ path: String, _ reason: String) -> ConfigurationErrors {
        ConfigurationErrors(
            errors: [ConfigurationError(file: path, line: nil, key: SecretsFailure.credential, reason: reason)])
    }
}
