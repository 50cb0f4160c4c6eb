/// A date in an HTTP header field (RFC 9110 section 5.6.7), in any of its three forms, as Unix seconds.
///
/// | form | example |
/// |---|---|
/// | IMF-fixdate | `Sun, 06 Nov 1994 08:49:37 GMT` |
/// | RFC 850 | `Sunday, 06-Nov-94 08:49:37 GMT` |
/// | asctime | `Sun Nov  6 08:49:37 1994` |
package enum HTTPDate {
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let longDays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter now: Unix seconds; a year of two digits that would be more than 50 years ahead is one of the past.
    package static func seconds(_ text: some StringProtocol, now: Int64) -> Int64? {
        let parts = pieces(String(text), at: " ")
        if parts.count == 6, parts[0].hasSuffix(","), days.contains(String(parts[0].dropLast())), parts[5] == "GMT" {
            guard let day = number(parts[1], digits: 2), let month = month(parts[2]),
                let year = number(parts[3], digits: 4)
            else { return nil }
            return unixSeconds(year, month, day, clock: parts[4])
        }
        if parts.count == 4, parts[0].hasSuffix(","), longDays.contains(String(parts[0].dropLast())), parts[3] == "GMT"
        {
            let date = pieces(parts[1], at: "-")
            guard date.count == 3, let day = number(date[0], digits: 2), let month = month(date[1]),
                let digits = number(date[2], digits: 2)
            else { return nil }
            // The newest year with these digits that is not more than 50 years ahead.
            let latest = calendarYear(of: now) + 50
            return unixSeconds(latest - (latest - digits) % 100, month, day, clock: parts[2])
        }
        // A day below ten stands behind two spaces.
        var fields = parts
        if fields.count == 6, fields[2].isEmpty, fields[3].utf8.count == 1 { fields.remove(at: 2) }
        guard fields.count == 5, days.contains(fields[0]), let month = month(fields[1]),
            let day = number(fields[2], digits: parts.count == 6 ? 1 : 2), let year = number(fields[4], digits: 4)
        else { return nil }
        return unixSeconds(year, month, day, clock: fields[3])
    }

    private static func pieces(_ text: String, at separator: Character) -> [String] {
        text.split(separator: separator, omittingEmptySubsequences: false).map { String($0) }
    }

    private static func month(_ text: String) -> Int? { months.firstIndex(of: text).map { $0 + 1 } }

    private static func number(_ text: String, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    private static func unixSeconds(_ year: Int, _ month: Int, _ day: Int, clock: String) -> Int64? {
        let parts = pieces(clock, at: ":")
        guard parts.count == 3, let hour = number(parts[0], digits: 2), let minute = number(parts[1], digits: 2),
            let second = number(parts[2], digits: 2), hour < 24, minute < 60, second <= 60, day >= 1,
            day <= length(of: month, in: year)
        else { return nil }
        return Int64(dayNumber(year, month, day)) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    private static func length(of month: Int, in year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that a leap day is their last.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let inYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + inYear - 719_468
    }

    private static func calendarYear(of seconds: Int64) -> Int {
        let day = Int(seconds / 86_400)
        var year = 1970 + day / 366
        while dayNumber(year + 1, 1, 1) <= day { year += 1 }
        return year
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
package enum RetryAfter {
    /// How long to wait, at most ``RetryPolicy/longestRetryAfter``; nil if the text is neither.
    ///
    /// - Parameter now: Unix seconds.
    package static func wait(_ text: some StringProtocol, now: Int64) -> Duration? {
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { $0 != 0x20 && $0 != 0x09 }),
            let last = bytes.lastIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return nil }
        let value = String(decoding: bytes[first...last], as: UTF8.self)
        if value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than fit into a number are more than the bound, too.
            guard let seconds = Int64(value) else { return RetryPolicy.longestRetryAfter }
            return min(.seconds(min(seconds, 1 << 32)), RetryPolicy.longestRetryAfter)
        }
        guard let at = HTTPDate.seconds(value, now: now) else { return nil }
        return min(.seconds(max(0, at - now)), RetryPolicy.longestRetryAfter)
    }
}
