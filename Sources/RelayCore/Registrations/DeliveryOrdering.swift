/// In which order a webhook's deliveries are made.
package enum DeliveryOrdering: Equatable, Hashable, Sendable {
    /// None: as soon as there is room.
    case none
    /// One after the other, as they were accepted.
    case webhook
    /// One after the other among the events that have the same value there. Those that have none there have no order.
    case key(JSONPointer)
}

extension DeliveryOrdering: Codable {
    private enum CodingKeys: String, CodingKey {
        case key
    }

    package init(from decoder: any Decoder) throws {
        // Whether it is an object: what is neither that nor a name fails below.
        if let container = try? decoder.container(keyedBy: CodingKeys.self) {
            self = .key(try container.decode(JSONPointer.self, forKey: .key))
            return
        }
        let container = try decoder.singleValueContainer()
        switch try container.decode(String.self) {
        case "none": self = .none
        case "webhook": self = .webhook
        case let other:
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no ordering: \(other)")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .none, .webhook:
            var container = encoder.singleValueContainer()
            try container.encode(self == .webhook ? "webhook" : "none")
        case .key(let pointer):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(pointer, forKey: .key)
        }
    }
}

/// How often a webhook's receiver may be called: a token bucket.
package struct RateLimit: Equatable, Hashable, Sendable, Codable {
    /// Attempts a second in the long run; 0.001 to 100,000.
    package let perSecond: Double
    /// Attempts at once after a pause; 1 to 100,000.
    package let burst: Int

    package static let rates: ClosedRange<Double> = 0.001...100_000
    package static let bursts: ClosedRange<Int> = 1...100_000

    package init(perSecond: Double, burst: Int) {
        self.perSecond = min(max(perSecond, Self.rates.lowerBound), Self.rates.upperBound)
        self.burst = min(max(burst, Self.bursts.lowerBound), Self.bursts.upperBound)
    }
}

extension RateLimit {
    private enum CodingKeys: String, CodingKey {
        case perSecond, burst
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            perSecond: try container.decode(Double.self, forKey: .perSecond),
            burst: try container.decode(Int.self, forKey: .burst))
    }
}
