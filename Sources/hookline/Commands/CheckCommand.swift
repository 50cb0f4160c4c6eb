import ArgumentParser
import Relay
import RelayCore

/// `hookline check`: is the configuration right?
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration: exits 0, or 78 with every error.")

    @OptionGroup var source: ConfigurationSource

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let environment = ConfigurationSource.environment
        do {
            _ = try source.load(environment)
            _ = try MasterKeyFile.credential(environment)
        } catch let failure as ConfigurationErrors {
            if json {
                print(Self.json(failure.errors))
            } else {
                for error in failure.errors { FailureText.print("\(error)") }
            }
            throw ExitStatus.configuration
        } catch {
            FailureText.print("hookline: \(error)")
            throw ExitStatus.configuration
        }
        print(json ? "{\"ok\":true,\"errors\":[]}" : "\(source.path(environment) ?? "built-in defaults"): ok")
    }

    private static func json(_ errors: [ConfigurationError]) -> String {
        let rows = errors.map { error in
            var text: [UInt8] = Array("{\"file\":".utf8)
            JSONText.append(error.file, to: &text)
            text.append(contentsOf: ",\"line\":\(error.line.map(String.init) ?? "null"),\"key\":".utf8)
            JSONText.append(error.key, to: &text)
            text.append(contentsOf: ",\"reason\":".utf8)
            JSONText.append(error.reason, to: &text)
            text.append(contentsOf: "}".utf8)
            return String(decoding: text, as: UTF8.self)
        }
        return "{\"ok\":false,\"errors\":[\(rows.joined(separator: ","))]}"
    }
}
