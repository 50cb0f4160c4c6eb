import ArgumentParser
import Logging
import Relay
import Storage

/// Which state directory `hookline journal` and `hookline reseal` mean.
struct StateDirectoryOptions: ParsableArguments {
    @Option(name: .customLong("state-dir"), help: ArgumentHelp("The state directory.", valueName: "directory"))
    var stateDirectory: String?

    private static let installed = "/var/lib/hookline"

    /// The one that was named, or is found.
    var path: String {
        let paths = RelayPaths.find(
            stateDirectory: stateDirectory, runtimeDirectory: nil, environment: ConfigurationSource.environment)
        let isInstalled =
            stateDirectory == nil && Console.environment("HOOKLINE_STATE_DIR") == nil
            && (try? ReadOnlyDisk().attributes(of: Self.installed)) != nil  // Not being there is the answer.
        return isInstalled ? Self.installed : paths.stateDirectory
    }

    private var inspection: JournalInspection {
        let logger = Logger(label: "hookline") { _ in SwiftLogNoOpLogHandler() }
        return JournalInspection(stateDirectory: path, logger: logger)
    }

    /// Does something with it, and tells why it can't.
    func perform<Answer>(_ body: (JournalInspection) throws -> Answer) throws -> Answer {
        // Each segment is open, and so is its index.
        DescriptorLimit.raise()
        let inspection = inspection
        do {
            return try body(inspection)
        } catch let error as DiskError where error.isMissing {
            FailureText.print(
                "hookline: there is no journal in \(inspection.stateDirectory) (\(error)): name the directory with --state-dir"
            )
        } catch let error as DiskError where error.isNotPermitted {
            FailureText.print("hookline: \(error): run it as root or as the daemon's own user (sudo -u hookline …)")
        } catch let error as DiskError {
            FailureText.print("hookline: \(error)")
        } catch let refusal as StorageRefusal {
            FailureText.print("hookline: \(refusal)")
        } catch OutputStream.Failure.problem(let problem) {
            FailureText.print("hookline: \(problem): what was written is not all of it")
        } catch OutputStream.Failure.closed {
            // Its reader has seen enough.
        }
        throw ExitStatus.failed
    }
}
