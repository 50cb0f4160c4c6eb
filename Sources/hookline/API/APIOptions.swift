import AdminAPI
import ArgumentParser

/// What all commands that call the API take.
struct APIOptions: ParsableArguments {
    @Option(
        name: .customLong("api-socket"), help: ArgumentHelp("The daemon's API socket.", valueName: "path"))
    var socket: String?

    @Flag(help: "Print the API's JSON.")
    var json = false

    var client: APIClient { APIClient(path: APISocket.path(option: socket)) }

    /// Calls the API, and says what went wrong if it does.
    ///
    /// - Throws: the exit status that the failure has
    func perform<Answer>(_ body: (APIClient) async throws(APIFailure) -> Answer) async throws(ExitCode) -> Answer {
        do throws(APIFailure) {
            return try await body(client)
        } catch {
            Console.note("hookline: \(error)")
            throw error.exitCode
        }
    }

    /// Prints an answer: as it came, or as text for people.
    func show(_ answer: JSONValue, _ text: (JSONValue) -> [String]) {
        if json {
            Console.write(Array(JSONWriter.pretty(answer).utf8), to: 1)
        } else {
            for line in text(answer) { Console.print(line) }
        }
    }
}

/// Text put into a path or a query.
enum TargetText {
    /// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
    static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
    }
}
