import AdminAPI
import ArgumentParser

/// `hookline tenants`: what a tenant has here.
struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants",
        abstract: "Erases all events of a tenant.",
        subcommands: [Erase.self])

    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "erase",
            abstract: "Erases all events of a tenant for good, from old segments of the journal too.",
            discussion: """
                Means the events that were sent before this command. Deliveries of them that wait are cancelled; the \
                tenant's webhooks stay. Waits until no file of the daemon holds them any more.
                """)

        @Argument(help: ArgumentHelp("The tenant.", valueName: "tenant"))
        var tenant: String

        @OptionGroup var erasing: EraseOptions
        @OptionGroup var api: APIOptions

        func validate() throws {
            guard !tenant.isEmpty else { throw ValidationError("The tenant is empty.") }
        }

        func run() async throws {
            try erasing.confirmation.confirm("Erase all events of the tenant \(tenant) for good")
            let path = "/api/v1/tenants/" + TargetText.encode(tenant) + "/events"
            try await erasing.run(path, api) { _ in "All events of \(PrintableText.of(tenant))" }
        }
    }
}
