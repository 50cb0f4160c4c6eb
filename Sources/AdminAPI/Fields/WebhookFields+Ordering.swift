import RelayCore

/// In which order and how often the webhook's receiver is called.
extension WebhookFields {
    mutating func ordering(_ value: JSONValue) -> DeliveryOrdering? {
        switch value {
        case "none": return DeliveryOrdering.none
        case "webhook": return .webhook
        case .object(let object):
            guard object.names == ["key"], let text = object["key"]?.stringValue else { break }
            do throws(JSONPointerError) {
                return .key(try JSONPointer(text))
            } catch {
                fault("ordering", "has a key that " + error.message)
                return nil
            }
        default: break
        }
        fault(
            "ordering",
            "must be \"none\", \"webhook\" or {\"key\": POINTER} with a JSON pointer such as /data/applicationId")
        return nil
    }

    mutating func rateLimit(_ value: JSONValue) -> RateLimit? {
        guard let object = value.objectValue else {
            return wrongKind("rateLimit", "an object such as {\"perSecond\": 10, \"burst\": 20}", value)
        }
        let others = object.names.filter { $0 != "perSecond" && $0 != "burst" }
        for name in others { fault("rateLimit", "has \"\(name)\", but only perSecond and burst are known") }
        let rates = RateLimit.rates
        guard let perSecond = object["perSecond"]?.doubleValue, rates.contains(perSecond) else {
            fault("rateLimit", "must have perSecond, a number from \(rates.lowerBound) to \(Int(rates.upperBound))")
            return nil
        }
        guard let burst = burst(object["burst"], perSecond), others.isEmpty else { return nil }
        return RateLimit(perSecond: perSecond, burst: burst)
    }

    /// Attempts at once: those of a second, unless another number is given.
    private mutating func burst(_ value: JSONValue?, _ perSecond: Double) -> Int? {
        guard let value, value != .null else { return max(1, Int(perSecond.rounded(.up))) }
        let bursts = RateLimit.bursts
        guard let burst = value.integerValue, bursts.contains(Int(clamping: burst)) else {
            fault(
                "rateLimit",
                "must have a burst that is a whole number from \(bursts.lowerBound) to \(bursts.upperBound)")
            return nil
        }
        return Int(burst)
    }
}

extension DeliveryOrdering {
    /// As the API shows it.
    var json: JSONValue {
        switch self {
        case .none: "none"
        case .webhook: "webhook"
        case .key(let pointer): ["key": .string(pointer.text)]
        }
    }
}

extension RateLimit {
    /// As the API shows it.
    var json: JSONValue {
        ["perSecond": Int64(exactly: perSecond).map { .integer($0) } ?? .number(perSecond), "burst": .count(burst)]
    }
}
