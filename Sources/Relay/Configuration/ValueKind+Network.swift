internal import RelayCore

extension ValueKind where Value == EgressRule {
    /// An entry of `egress.allow`: a text, or a table `{ to = "…", tenants = ["…"] }`.
    static var egressRule: ValueKind {
        ValueKind { value throws(ValueError) in
            switch value {
            case .string(let text), .environment(let text): try rule(text, tenants: nil)
            case .table(let members): try rule(members)
            default:
                throw ValueError(
                    "needs entries that are strings or { to = \"…\", tenants = [\"…\"] }, not \(value.typeName)")
            }
        }
    }

    private static func rule(_ members: [String: SettingValue]) throws(ValueError) -> EgressRule {
        if let key = members.keys.filter({ $0 != "to" && $0 != "tenants" }).min() {
            let hint = Suggestion.phrase(for: key, among: ["to", "tenants"])
            throw ValueError("an entry has the unknown key \"\(key)\"\(hint)")
        }
        guard case .string(let text)? = members["to"] else {
            throw ValueError("an entry that is a table needs to = \"ADDRESS\"")
        }
        guard let list = members["tenants"] else { return try rule(text, tenants: nil) }
        var reasons: [String] = []
        guard let tenants = ValueKind<String>.tenant.list(countMax: 1024).read(list, &reasons) else {
            throw ValueError("tenants of \"\(text)\": \(reasons.joined(separator: "; "))")
        }
        guard !tenants.isEmpty else { throw ValueError("tenants of \"\(text)\": names none") }
        return try rule(text, tenants: Set(tenants))
    }

    private static func rule(_ text: String, tenants: Set<String>?) throws(ValueError) -> EgressRule {
        do throws(EgressRuleError) {
            return try EgressRule(text, tenants: tenants)
        } catch {
            throw ValueError(error.message)
        }
    }
}

extension ValueKind where Value == String {
    /// A tenant id.
    static var tenant: ValueKind {
        text.checked { text throws(ValueError) in
            guard Identifier.isValid(text) else {
                throw ValueError("\"\(text)\" is no tenant id: 1 to 64 letters, digits, - and _")
            }
        }
    }

    /// An absolute path, or nothing.
    static var optionalPath: ValueKind {
        text.checked { text throws(ValueError) in
            guard text.isEmpty || text.hasPrefix("/") else {
                throw ValueError("\"\(text)\" is no absolute path")
            }
        }
    }

    /// A proxy's `http://host:port`, or nothing.
    static var optionalProxy: ValueKind {
        text.checked { text throws(ValueError) in
            if text.isEmpty { return }
            let url: WebhookURL
            do throws(WebhookURLError) {
                url = try WebhookURL(text)
            } catch .credentials {
                throw ValueError("must not hold credentials; they come from the systemd credential hookline.proxy")
            } catch {
                throw ValueError(error.message)
            }
            let hasNoPath = url.requestTarget == "/" && !text.dropFirst("http://".count).contains("/")
            guard url.scheme == .http, hasNoPath, text.hasSuffix(":\(url.port)") else {
                throw ValueError("\"\(text)\" is no proxy: write http://host:port, without a path")
            }
        }
    }

    /// A loopback address with a port, or nothing.
    static var optionalLoopback: ValueKind {
        text.checked { text throws(ValueError) in
            if text.isEmpty { return }
            // A URL's authority has the same form, and is read strictly.
            guard !text.contains("/"), !text.contains("?"), let url = parsedURL("http://" + text),
                case .address(let address) = url.host, text.hasSuffix(":\(url.port)")
            else {
                throw ValueError("\"\(text)\" is no address and port: write 127.0.0.1:8480 or [::1]:8480")
            }
            guard AddressClass(of: address) == .loopback else {
                throw ValueError("\"\(text)\" is no loopback address: write 127.0.0.1:8480 or [::1]:8480")
            }
        }
    }

    private static func parsedURL(_ text: String) -> WebhookURL? {
        // The reason would speak of a URL where the setting has none.
        try? WebhookURL(text)
    }
}
