import RelayCore

/// Rotating a webhook's secret.
extension Operations {
    static let rotation: [String: Operation] = [
        "POST /api/v1/webhooks/{id}/rotate-secret": Operation(
            id: "rotateSecret", group: .webhooks, summary: "Give a webhook a new secret",
            text: "For the grace period both sign (`webhook-signature` carries two signatures, the newest first).",
            parameters: [Parameters.webhook, Parameters.tenant],
            body: Operation.Body(schema: Schema.named("SecretRotation"), isRequired: false),
            answer: Operation.Answer(
                status: 200, text: "The webhook, with its new secret.", schema: Schema.named("NewWebhook")),
            problems: bodyProblems + [404, 409, 422, 503])
    ]

    static let rotationSchemas: [(String, JSONValue)] = [
        (
            "SecretRotation",
            Schema.object(
                [
                    (
                        "graceSeconds",
                        Schema.orNull(
                            Schema.integer(
                                "How long the old one signs too; 0: not at all.", SecretRotation.graceSeconds))
                    ),
                    ("secret", Schema.orNull(Schema.named("Secret"))),
                ], required: [], isClosed: true)
        )
    ]
}
