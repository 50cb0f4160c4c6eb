import RelayCore

/// Regular expressions (the common part of ECMA-262, Python and RE2) that say what the checks of fields say.
enum Patterns {
    /// `Identifier`.
    static let identifier = "^[A-Za-z0-9_-]{1,\(Limits.identifierBytes)}$"

    /// `DurationText`, from 1 ms to the longest age.
    static let duration: String = {
        let seconds = WebhookFields.ageSeconds.upperBound
        let units: [(String, Int64)] = [
            ("ms", seconds * 1000), ("s", seconds), ("m", seconds / 60), ("h", seconds / 3600), ("d", seconds / 86_400),
        ]
        return "^0*(?:" + units.map { "(?:\(whole(upTo: $0.1)))\($0.0)" }.joined(separator: "|") + ")$"
    }()

    /// `WebhookSecret` of so many bytes.
    static let secret: String = {
        let (low, high) = (WebhookFields.secretBytes.lowerBound, WebhookFields.secretBytes.upperBound)
        // Groups of four characters stand for three bytes. How many there may be before an end of none, one and two
        // bytes, whose last characters have no bits to spare.
        func groups(_ rest: Int) -> String { "(?:[A-Za-z0-9+/]{4}){\((low - rest + 2) / 3),\((high - rest) / 3)}" }
        let ends = [
            groups(0), groups(1) + "[A-Za-z0-9+/][AQgw]==", groups(2) + "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=",
        ]
        return "^\(WebhookSecret.prefix)(?:\(ends.joined(separator: "|")))$"
    }()

    /// `JSONPointer` into a delivery's body.
    static let pointer = "^/(?:event|timestamp|tenantId|data(?:/(?:[^~/]|~[01])*)*)$"

    /// `tchar`, RFC 9110 section 5.6.2.
    static let headerName = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

    /// No control characters, and no space at either end.
    static let headerValue = #"^(?:[^\x00-\x20\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?)?$"#

    /// `WebhookURL`: scheme, host, port, and what goes into the request line.
    static let url: String = {
        let scheme = "[Hh][Tt][Tt][Pp][Ss]?://"
        let port = "(?::(?:\(whole(upTo: Int64(UInt16.max)))))?"
        let target = #"(?:[/?](?:[A-Za-z0-9!$&'()*+,./:;=?@\[\]_~-]|%[0-9A-Fa-f]{2})*)?"#
        let address = #"\[\#(ipv6)\]"#
        return "^\(scheme)(?:\(name)|\(ipv4)\\.?|\(address))\(port)\(target)$"
    }()

    /// A host name whose last label is no number in any of the forms that resolvers know.
    private static let name: String = {
        let label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
        let end = #"\.?(?:[:/?]|$)"#
        return #"(?:\#(label)\.)*(?![0-9]+\#(end)|0[xX][0-9A-Fa-f]*\#(end))\#(label)\.?"#
    }()

    private static let ipv4: String = {
        let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
        return #"\#(octet)(?:\.\#(octet)){3}"#
    }()

    /// `IPv6address`, RFC 3986 section 3.2.2.
    private static let ipv6: String = {
        let group = "[0-9A-Fa-f]{1,4}"
        let last = "(?:\(group):\(group)|\(ipv4))"
        var forms = ["(?:\(group):){6}\(last)"]
        for behind in (0...7).reversed() {
            let before = "(?:(?:\(group):){0,\(max(0, 6 - behind))}\(group))?"
            let tail =
                switch behind {
                case 0: ""
                case 1: group
                default: "(?:\(group):){\(behind - 2)}\(last)"
                }
            forms.append((behind == 7 ? "" : before) + "::" + tail)
        }
        return "(?:" + forms.joined(separator: "|") + ")"
    }()

    /// The decimal numbers from 1 to a bound, without leading zeros.
    static func whole(upTo bound: Int64) -> String {
        let digits = String(bound).utf8.map { Int($0) - 48 }
        var forms: [String] = []
        if digits.count > 1 { forms.append("[1-9][0-9]{0,\(digits.count - 2)}") }
        // As many digits: the same up to one that is lower, and any behind it.
        for (index, digit) in digits.enumerated() {
            let lowest = index == 0 ? 1 : 0
            guard digit > lowest else { continue }
            let rest = digits.count - index - 1
            let same = digits[..<index].map(String.init).joined()
            forms.append(same + "[\(lowest)-\(digit - 1)]" + (rest > 0 ? "[0-9]{\(rest)}" : ""))
        }
        forms.append(String(bound))
        return forms.joined(separator: "|")
    }
}
