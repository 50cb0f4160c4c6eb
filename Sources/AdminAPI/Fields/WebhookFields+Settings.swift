import RelayCore

/// How the webhook's deliveries are made.
extension WebhookFields {
    static let timeoutMilliseconds: ClosedRange<Int64> = 100...600_000
    static let inFlight: ClosedRange<Int64> = 1...4096
    /// Up to ten years, so that times can be added up without a thought for overflow.
    static let ageSeconds: ClosedRange<Int64> = 1...315_360_000
    static let retries = 64

    /// The fields of `DeliverySettings`.
    struct Settings {
        let maxInFlight: Field<Int>
        let timeout: Field<Duration>
        let maxAge: Field<Duration>
        let retrySchedule: Field<[Duration]>
        let rateLimit: Field<RateLimit>
        let ordering: Field<DeliveryOrdering>
    }

    mutating func settings() -> Settings {
        Settings(
            maxInFlight: optional("maxInFlight") {
                $0.integer("maxInFlight", $1, Self.inFlight).map { Int($0) }
            },
            timeout: optional("timeoutMs") {
                $0.integer("timeoutMs", $1, Self.timeoutMilliseconds).map { .milliseconds($0) }
            },
            maxAge: optional("maxAgeSeconds") {
                $0.integer("maxAgeSeconds", $1, Self.ageSeconds).map { .seconds($0) }
            },
            retrySchedule: optional("retrySchedule") { $0.retrySchedule($1) },
            rateLimit: optional("rateLimit") { $0.rateLimit($1) },
            ordering: optional("ordering") { $0.ordering($1) })
    }

    mutating func integer(_ field: String, _ value: JSONValue, _ range: ClosedRange<Int64>) -> Int64? {
        guard let number = value.integerValue, range.contains(number) else {
            fault(field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    private mutating func retrySchedule(_ value: JSONValue) -> [Duration]? {
        let wanted = "an array of durations such as [\"5s\", \"20m\", \"2h\"]"
        guard let elements = value.arrayValue else { return wrongKind("retrySchedule", wanted, value) }
        guard elements.count <= Self.retries else {
            fault("retrySchedule", "must have at most \(Self.retries) entries, and has \(elements.count)")
            return nil
        }
        var schedule: [Duration] = []
        for (index, element) in elements.enumerated() {
            guard let duration = element.stringValue.flatMap({ DurationText.parse($0) }),
                duration >= .milliseconds(1), duration <= .seconds(Self.ageSeconds.upperBound)
            else {
                fault("retrySchedule", "must be \(wanted); entry \(index) is no duration of 1ms to 3650d")
                continue
            }
            schedule.append(duration)
        }
        return schedule
    }
}
