import RelayCore

/// Examples of delivery bodies, one for each event type.
enum EventSamples {
    /// The body of a delivery of this type. Types that only this host knows have empty data: what they hold is between
    /// its applications.
    static func body(of type: String) -> JSONValue {
        [
            "event": .string(type),
            "timestamp": "2026-05-02T14:32:10.000Z",
            "tenantId": "tenant_abc123",
            "data": data(of: type),
        ]
    }

    static func data(of type: String) -> JSONValue { data[type] ?? [:] }

    private static let data: [String: JSONValue] = [
        "application.created": [
            "applicationId": "app_7f3k", "jobId": "job_19c2", "candidateId": "cand_55d0", "source": "careers-page",
        ],
        "application.scored": [
            "applicationId": "app_7f3k", "jobId": "job_19c2", "candidateId": "cand_55d0", "score": 87,
        ],
        "application.shortlisted": [
            "applicationId": "app_7f3k", "jobId": "job_19c2", "candidateId": "cand_55d0",
        ],
        "application.rejected": [
            "applicationId": "app_7f3k", "jobId": "job_19c2", "candidateId": "cand_55d0", "reason": "position-filled",
        ],
        "job.created": ["jobId": "job_19c2", "title": "Site reliability engineer", "location": "Lisbon"],
        "job.closed": ["jobId": "job_19c2", "reason": "filled"],
        "webhook.failing": operational("HTTP 503", count: 5),
        "webhook.recovered": operational("delivered again", count: 5),
        "webhook.disabled": operational("410 Gone", count: 1),
        "delivery.given_up": operational("tries_used_up", count: 3),
    ]

    private static func operational(_ reason: String, count: Int64) -> JSONValue {
        ["webhookId": "wh_01jd0c9gk4m6w1q8e5t2r7y3za", "reason": .string(reason), "count": .integer(count)]
    }
}
