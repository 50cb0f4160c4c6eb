import RelayCore

/// Prints what `listen` receives: for people, or one JSON object a line.
struct DeliveryPrinter: Sendable {
    enum Body: Sendable {
        case pretty, compact, none
    }

    let style: TextStyle
    let body: Body
    let printsJSON: Bool

    /// - Parameters:
    ///   - milliseconds: Unix time of the receipt.
    ///   - verdict: nil if there was no secret to verify with.
    func text(
        of request: ReceivedRequest, at milliseconds: Int64, verdict: SignatureVerdict?, answer: ReceiverAnswer
    ) -> String {
        printsJSON
            ? json(of: request, at: milliseconds, verdict: verdict, answer: answer)
            : lines(of: request, at: milliseconds, verdict: verdict, answer: answer)
    }

    // MARK: For people

    private func lines(
        of request: ReceivedRequest, at milliseconds: Int64, verdict: SignatureVerdict?, answer: ReceiverAnswer
    ) -> String {
        let summary = DeliverySummary(body: request.body)
        let what = summary.event ?? "\(request.method) \(request.path)"
        let id = request.header(SignatureVerifier.idHeader) ?? "without id"
        let status = "\(answer.status)"
        let isSuccess = (200..<300).contains(answer.status)
        let head = [
            style.dim(WallClock.localTime(milliseconds)),
            style.bold(PrintableText.of(what)),
            PrintableText.of(id),
            outcome(verdict),
            "→ " + (isSuccess ? style.green(status) : style.yellow(status)),
        ]
        var lines = [head.joined(separator: "  ")]
        if case .invalid(let problems) = verdict {
            lines += problems.map { "  " + style.red(PrintableText.of($0.description)) }
        }
        if !request.body.isEmpty {
            switch body {
            case .pretty:
                let text = JSONIndenter.indented(request.body, prefix: "  ")
                lines.append(PrintableText.of(text, keepsNewlines: true))
            case .compact: lines.append("  " + PrintableText.of(String(decoding: request.body, as: UTF8.self)))
            case .none: break
            }
        }
        return lines.joined(separator: "\n")
    }

    private func outcome(_ verdict: SignatureVerdict?) -> String {
        switch verdict {
        case .valid(let headers): style.green(headers.count == 2 ? "✓ both signatures" : "✓ \(headers.joined())")
        case .invalid: style.red("✗ not valid")
        case nil: style.yellow("not verified")
        }
    }

    // MARK: For programs

    private func json(
        of request: ReceivedRequest, at milliseconds: Int64, verdict: SignatureVerdict?, answer: ReceiverAnswer
    ) -> String {
        let summary = DeliverySummary(body: request.body)
        func optional(_ text: String?) -> String { text.map(LooseJSON.quoted) ?? "null" }
        func list(_ texts: [String]) -> String { "[" + texts.map(LooseJSON.quoted).joined(separator: ",") + "]" }
        var reasons: [String] = []
        if case .invalid(let problems) = verdict { reasons = problems.map(\.description) }
        let headers = request.headers.map { "[\(LooseJSON.quoted($0.name)),\(LooseJSON.quoted($0.value))]" }
        let members = [
            "\"receivedAt\":\"\(WallClock.timestamp(milliseconds))\"",
            "\"method\":\(LooseJSON.quoted(request.method))",
            "\"path\":\(LooseJSON.quoted(request.path))",
            "\"id\":\(optional(request.header(SignatureVerifier.idHeader)))",
            "\"event\":\(optional(summary.event))",
            "\"tenantId\":\(optional(summary.tenant))",
            "\"verified\":\(verdict.map { "\($0.isValid)" } ?? "null")",
            "\"reasons\":\(list(reasons))",
            "\"status\":\(answer.status)",
            "\"headers\":[\(headers.joined(separator: ","))]",
            // The text for reading, and the exact bytes whatever they are.
            "\"body\":\(LooseJSON.quoted(String(decoding: request.body, as: UTF8.self)))",
            "\"bodyBase64\":\"\(Base64.encode(request.body))\"",
        ]
        return "{\(members.joined(separator: ","))}"
    }
}
