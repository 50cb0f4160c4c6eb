import RelayCore

/// What the demo shows, in at most 80 columns.
struct DemoScreen: Sendable {
    let style: TextStyle

    func opening() -> String {
        """

          \(style.bold("Hookline \(HooklineVersion.text)")) takes events from a program and delivers them to a webhook.
          Here is all of it at work, on this machine only.

            a program ──▶ \(style.cyan("events.sock")) ──▶ \(style.cyan("journal")) ──▶ \(style.cyan("signed POST")) ──▶ a receiver
            \(style.dim("              JSON lines      on disk     with retries    verifies"))

        """
    }

    /// A thing that is ready now.
    func ready(_ name: String, _ text: String) -> String {
        "  \(style.green("✓")) \(name.padded(to: 9)) \(text)"
    }

    func tableHead() -> String {
        let columns = [
            "event".padded(to: 24), "acknowledged".leftPadded(to: 12), "delivered".leftPadded(to: 10),
            "signatures".leftPadded(to: 11), "body".leftPadded(to: 12),
        ]
        return "\n  " + style.dim(columns.joined(separator: " "))
    }

    func row(_ outcome: DemoOutcome) -> String {
        let areSignaturesGood = if case .valid(let headers) = outcome.verdict { headers.count == 2 } else { false }
        let signatures = (areSignaturesGood ? "both ✓" : "✗").leftPadded(to: 11)
        let size = "\(outcome.event.body.count) B"
        let body = (outcome.isBodyIdentical ? "\(size) ✓" : "differs ✗").leftPadded(to: 12)
        let columns = [
            outcome.event.type.padded(to: 24),
            Self.text(outcome.acknowledgedAfter).leftPadded(to: 12),
            Self.text(outcome.deliveredAfter).leftPadded(to: 10),
            areSignaturesGood ? style.green(signatures) : style.red(signatures),
            outcome.isBodyIdentical ? style.green(body) : style.red(body),
        ]
        let problems = outcome.problems.map { "\n    " + style.red(PrintableText.of($0)) }
        return "  " + columns.joined(separator: " ") + problems.joined()
    }

    func closing(_ outcomes: [DemoOutcome], command: String) -> String {
        let good = outcomes.count { $0.isVerified }
        guard good == outcomes.count else {
            let result = style.red("✗ Only \(good) of \(outcomes.count) events were delivered and verified.")
            return "\n  \(style.bold(result))\n\n  \(style.cyan("\(command) demo --verbose")) shows the relay's log.\n"
        }
        let result = style.green("✓ \(good) of \(outcomes.count) events delivered and verified.")
        return """

              \(style.bold(result))

              \(style.dim("acknowledged"))  the event is safely on disk, and the program may forget it
              \(style.dim("signatures"))    X-HiresScope-Signature and webhook-signature (Standard Webhooks)
              \(style.dim("body"))          the bytes as they were sent: 1e400, -0, 20 digits, 李 and 👩🏽‍💻

              \(style.bold("Next"))
                1. \(style.cyan("\(command) listen"))
                   a receiver of your own that shows and verifies what comes in
                2. \(style.cyan("\(command) serve --help"))
                   the relay itself; README.md has five minutes to a first delivery
                3. \(style.cyan("\(command) send --help"))
                   events from a file or a pipe; any program can write the socket

            """
    }

    /// `412 µs`, `2.1 ms` or `1.2 s`.
    static func text(_ duration: Duration) -> String {
        let microseconds = max(0, duration.microseconds)
        switch microseconds {
        case 0..<1_000: return "\(microseconds) µs"
        case 1_000..<1_000_000: return "\(microseconds / 1_000).\(microseconds / 100 % 10) ms"
        default: return "\(microseconds / 1_000_000).\(microseconds / 100_000 % 10) s"
        }
    }
}
