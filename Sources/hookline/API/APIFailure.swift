import AdminAPI
import ArgumentParser
import Glibc
import NIOCore

/// Why a call of the API brought nothing, in words that say what to do.
enum APIFailure: Error, CustomStringConvertible {
    /// No connection; the system's error number.
    case unreachable(path: String, code: Int32)
    case noAnswer(path: String, seconds: Int64)
    /// The connection ended, or what came back was no HTTP.
    case broken(path: String, reason: String)
    /// The daemon said no. `errors` names the fields that were wrong.
    case refused(status: Int, detail: String, errors: [(field: String, message: String)])
    /// Something that is no Hookline answered.
    case unexpected(String)
    /// Files or arguments, before anything was sent.
    case usage(String)

    var exitCode: ExitCode {
        switch self {
        case .unreachable, .noAnswer, .broken: ExitStatus.unavailable
        case .refused, .unexpected: ExitStatus.failed
        case .usage: ExitStatus.usage
        }
    }

    /// - Parameter error: what NIO's connect threw
    static func connecting(to path: String, _ error: any Error) -> APIFailure {
        switch error {
        case let error as IOError: .unreachable(path: path, code: error.errnoCode)
        case SocketAddressError.unixDomainSocketPathTooLong: .unreachable(path: path, code: ENAMETOOLONG)
        case ChannelError.connectTimeout: .noAnswer(path: path, seconds: APIClient.seconds)
        default: .broken(path: path, reason: "\(error)")
        }
    }

    var description: String {
        switch self {
        case .unreachable(let path, let code): Self.describe(path, code)
        case .noAnswer(let path, let seconds):
            "the daemon behind \(path) has not answered within \(seconds) s; its log says more "
                + "(\"journalctl -u hookline\")"
        case .broken(let path, let reason): "the connection to \(path) broke: \(reason)"
        case .refused(let status, let detail, let errors):
            errors.isEmpty
                ? (detail.isEmpty ? "the daemon refused with status \(status)" : detail)
                : errors.map { "\(Self.option(of: $0.field)) \($0.message)" }.joined(separator: "\nhookline: ")
        case .unexpected(let text): text
        case .usage(let text): text
        }
    }

    private static func describe(_ path: String, _ code: Int32) -> String {
        switch code {
        case ENOENT:
            "there is no \(path): is the daemon running? Start it with \"hookline serve\", or "
                + "\"systemctl start hookline\"; --api-socket names another path"
        case ECONNREFUSED:
            "nobody listens on \(path): the daemon is not running. Start it with \"hookline serve\", or "
                + "\"systemctl start hookline\""
        case EACCES, EPERM:
            "\(path) may not be opened by this user: only root and members of the group hookline-admin may administer "
                + "Hookline (\"adduser USER hookline-admin\", then log in again)"
        case ENAMETOOLONG:
            "\(path) is too long: a socket's path has at most \(EventsSocket.pathBytesMax) bytes"
        default: "\(path) can't be reached: \(SystemProblem.reason(code))"
        }
    }

    /// The command line's name of a field.
    private static func option(of field: String) -> String {
        switch field {
        case "tenantId": "--tenant"
        case "admin": "--admin"
        case "events": "--event"
        case "headers": "--header"
        case "description": "--description"
        case "secret": "the secret"
        case "url": "the URL"
        case "timeoutMs": "--timeout"
        case "maxInFlight": "--max-in-flight"
        case "maxAgeSeconds": "--max-age"
        case "retrySchedule": "--retry-schedule"
        case "since": "--since"
        case "until": "--until"
        case "": "the request"
        default: field
        }
    }
}
