import AdminAPI
import ArgumentParser

extension EventsCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Shows an event's whole life: who sent it, where it went and why, every attempt.",
            discussion: """
                  hookline events show order-17 --tenant acme

                The id is what the producer gave or was answered, and what receivers get as webhook-id. Attempts that failed \
                are shown with the time of each step: looking the name up, connecting, TLS, and the wait for the first \
                byte of the answer.
                """)

        @OptionGroup var event: EventIDArgument
        @OptionGroup var api: APIOptions

        func run() async throws {
            let path = EventsCommand.path(of: event.id, tenant: event.tenant)
            let answer = try await api.perform { (client) throws(APIFailure) in
                let bytes = try await client.bytes(path)
                guard let answer = EventAnswer(bytes) else {
                    throw .unexpected("the daemon's answer is not that of Hookline's API")
                }
                return answer
            }
            if api.json {
                Console.write(Array((JSONIndenter.indented(answer.text, prefix: "") + "\n").utf8), to: 1)
            } else {
                for line in EventText.lines(answer, width: Screen.width, style: .forDescriptor(1)) {
                    Console.print(line)
                }
            }
        }
    }
}
