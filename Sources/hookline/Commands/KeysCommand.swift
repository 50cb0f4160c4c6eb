import AdminAPI
import ArgumentParser

/// `hookline keys`: who may call the API over TCP.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes, lists and revokes keys to the HTTP API.",
        discussion: """
            Over TCP (api.listen in the configuration) a program shows a key: "Authorization: Bearer hlk_…". Whoever may open \
            api.sock needs none.
            """,
        subcommands: [Add.self, List.self, Revoke.self])

    static let path = "/api/v1/api-keys"

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Makes a key, and prints it this one time.")

        @Option(
            help: ArgumentHelp("The tenant whose webhooks and events the key opens.", valueName: "tenant"))
        var tenant: String?

        @Flag(help: "The key opens all tenants, and everything else of this host.")
        var admin = false

        @Option(help: ArgumentHelp("What the key is for.", valueName: "text"))
        var description: String?

        @OptionGroup var api: APIOptions

        func validate() throws {
            guard (tenant != nil) != admin else {
                throw ValidationError(
                    admin
                        ? "Give --tenant or --admin, not both: an administrator's key opens all tenants."
                        : "Say what the key is to open: --tenant TENANT, or --admin for everything.")
            }
        }

        func run() async throws {
            var members: [(String, JSONValue)] = tenant.map { [("tenantId", .string($0))] } ?? [("admin", true)]
            if let description { members.append(("description", .string(description))) }
            let body = JSONValue.object(JSONObject(members))
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.post, KeysCommand.path, body: body)
            }
            // Standard output has the key alone: it can go straight into a file.
            api.show(answer) { [PrintableText.of($0["key"]?.stringValue ?? "")] }
            if !api.json { Console.note(KeyText.added(answer)) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the keys.")

        @OptionGroup var api: APIOptions

        func run() async throws {
            let keys = try await api.perform { (client) throws(APIFailure) in try await all(client) }
            api.show(["data": .array(keys), "nextCursor": nil]) { _ in
                KeyText.table(keys, width: Screen.width, style: .forDescriptor(1))
            }
        }

        private func all(_ client: APIClient) async throws(APIFailure) -> [JSONValue] {
            var keys: [JSONValue] = []
            var cursor: String?
            repeat {
                let place = cursor.map { "&cursor=" + TargetText.encode($0) } ?? ""
                let page = try await client.call(.get, KeysCommand.path + "?limit=200" + place)
                keys += page["data"]?.arrayValue ?? []
                cursor = page["nextCursor"]?.stringValue
            } while cursor != nil
            return keys
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Revokes a key: from now on it opens nothing.")

        @Argument(help: ArgumentHelp("The key's id, as \"hookline keys list\" shows it.", valueName: "id"))
        var id: String

        @OptionGroup var api: APIOptions

        func validate() throws {
            guard !id.isEmpty else {
                throw ValidationError("The id is empty; \"hookline keys list\" shows the ids.")
            }
            guard !id.hasPrefix("hlk_") else {
                throw ValidationError(
                    "That is a key. Give its id, key_… with the same 26 characters, and revoke it: it is in the shell's "
                        + "history now.")
            }
        }

        func run() async throws {
            let answer = try await api.perform { (client) throws(APIFailure) in
                try await client.call(.delete, KeysCommand.path + "/" + TargetText.encode(id))
            }
            api.show(answer) { _ in ["\(PrintableText.of(id)) is revoked."] }
        }
    }
}

/// Keys as text for people, from the API's JSON.
enum KeyText {
    static func added(_ key: JSONValue) -> String {
        let opens = key["tenantId"]?.stringValue.map { "the tenant \(PrintableText.of($0))" } ?? "everything"
        return "\(PrintableText.of(key["id"]?.stringValue ?? "")) opens \(opens). It is shown this once: keep it where "
            + "its program alone can read it."
    }

    /// One line for each.
    static func table(_ keys: [JSONValue], width: Int?, style: TextStyle) -> [String] {
        guard !keys.isEmpty else { return ["There are no keys; \"hookline keys add\" makes one."] }
        var table = TextTable("ID", "OPENS", "CREATED", "DESCRIPTION")
        for key in keys {
            table.add([
                key["id"]?.stringValue ?? "", key["tenantId"]?.stringValue ?? "everything (admin)",
                key["createdAt"]?.stringValue ?? "", key["description"]?.stringValue ?? "",
            ])
        }
        return table.lines(width: width, style: style)
    }
}
