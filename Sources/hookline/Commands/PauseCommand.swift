import AdminAPI
import ArgumentParser

/// `hookline pause`: all deliveries of the host wait.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Holds all deliveries of this host back, over restarts too, until \"hookline resume\".",
        discussion: "Events are taken and kept as ever. Attempts that are under way end; no new ones begin.")

    @OptionGroup var api: APIOptions

    func run() async throws {
        let answer = try await api.perform { (client) throws(APIFailure) in
            try await client.call(.post, "/api/v1/pause")
        }
        api.show(answer) { _ in ["All deliveries are paused: events wait. \"hookline resume\" starts them again."] }
    }
}

/// `hookline resume`: deliveries go on.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Starts the deliveries of this host again after \"hookline pause\".",
        discussion: "A webhook that is paused by itself stays so; \"hookline webhooks resume\" starts that one.")

    @OptionGroup var api: APIOptions

    func run() async throws {
        let answer = try await api.perform { (client) throws(APIFailure) in
            try await client.call(.post, "/api/v1/resume")
        }
        api.show(answer) { _ in ["Deliveries go on."] }
    }
}
