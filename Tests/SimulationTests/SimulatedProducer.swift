/// A program that sends events, and sends those again that were not acknowledged when its connection ended.
struct SimulatedProducer {
    /// An event that is to be delivered.
    struct Event {
        let number: Int
        let tenant: String
        let type: String
        let hasID: Bool
        let padding: Int
        /// Nil: it has none.
        let key: String?

        /// What its receivers get as `data`.
        var data: String {
            let key = key.map { ",\"k\":\"\($0)\"" } ?? ""
            return "{\"n\":\(number)\(key),\"x\":\"\(String(repeating: "x", count: padding))\"}"
        }

        var line: String {
            let id = hasID ? "\"id\":\"e\(number)\"," : ""
            return "{\(id)\"event\":\"\(type)\",\"tenantId\":\"\(tenant)\",\"data\":\(data)}"
        }
    }

    let index: Int
    /// To be sent, again if need be.
    var unsent: [Int] = []
    /// Sent and not answered.
    var unanswered: [Int] = []

    /// The connection has ended without an answer to these.
    mutating func reconnect() {
        unsent = unanswered + unsent
        unanswered = []
    }

    mutating func answered(_ number: Int, isAccepted: Bool) {
        guard let place = unanswered.firstIndex(of: number) else { return }
        unanswered.remove(at: place)
        if !isAccepted { unsent.append(number) }
    }
}
