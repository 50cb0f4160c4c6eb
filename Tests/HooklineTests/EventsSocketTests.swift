import Testing

@testable import hookline

@Suite struct EventsSocketTests {
    private func path(option: String? = nil, _ variables: [String: String], installed: Bool = false) -> String {
        EventsSocket.path(
            option: option, environment: { variables[$0] }, isDirectory: { installed && $0 == "/run/hookline" },
            uid: 1000)
    }

    @Test func theFirstThatIsThere() {
        let all = ["HOOKLINE_EVENTS_SOCKET": "/e", "HOOKLINE_RUNTIME_DIR": "/r", "XDG_RUNTIME_DIR": "/x"]
        #expect(path(option: "/o", all, installed: true) == "/o")
        #expect(path(all, installed: true) == "/e")
        #expect(path(["XDG_RUNTIME_DIR": "/x"], installed: true) == "/run/hookline/events.sock")
        #expect(path(["HOOKLINE_RUNTIME_DIR": "/r", "XDG_RUNTIME_DIR": "/x"]) == "/r/events.sock")
        #expect(path(["XDG_RUNTIME_DIR": "/x"]) == "/x/hookline/events.sock")
        #expect(path([:]) == "/tmp/hookline-1000/events.sock")
    }

    @Test func whoMayNotOpenItLearnsTheGroup() {
        let refused = EventsSocket.Unreachable(path: "/run/hookline/events.sock", code: 13)
        #expect(refused.description.contains("hookline-clients"))
        #expect(!refused.isPassing)
        #expect(
            EventsSocket.Unreachable(path: "/run/hookline/events.sock", code: 2).description.contains("hookline serve"))
    }

    @Test func longPathsAreRefused() {
        let path = "/" + String(repeating: "x", count: 107)
        #expect(throws: EventsSocket.Unreachable.self) { try EventsSocket.connect(path) }
    }
}
