import AdminAPI
import ArgumentParser

/// `hookline status`: whether all is well, and what to do if it isn't.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows at a look whether all is well, and what to do if it isn't.",
        discussion: """
            Exit status: 0 the daemon accepts events, 1 it doesn't, 69 it can't be reached. Webhooks that fail are \
            shown, but don't change the exit status: their events wait.
            """)

    @OptionGroup var api: APIOptions

    func run() async throws {
        let answer = try await api.perform { (client) throws(APIFailure) in
            try await client.call(.get, "/api/v1/status")
        }
        api.show(answer) {
            StatusText.lines($0, now: WallClock.milliseconds(), width: Screen.width, style: .forDescriptor(1))
        }
        guard answer["isReady"] == true else { throw ExitStatus.failed }
    }
}
