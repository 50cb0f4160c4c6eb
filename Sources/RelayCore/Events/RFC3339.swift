/// Dates and times on the wire: RFC 3339 section 5.6.
package enum RFC3339 {
    /// Whether the text is a `date-time` of a day that exists; a leap second is taken as RFC 3339 does.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard (20...Limits.timestampBytes).contains(bytes.count) else { return false }
        guard let year = number(bytes, 0, 4), bytes[4] == UInt8(ascii: "-"),
            let month = number(bytes, 5, 2), bytes[7] == UInt8(ascii: "-"),
            let day = number(bytes, 8, 2), bytes[10] | 0x20 == UInt8(ascii: "t"),
            let hour = number(bytes, 11, 2), bytes[13] == UInt8(ascii: ":"),
            let minute = number(bytes, 14, 2), bytes[16] == UInt8(ascii: ":"),
            let second = number(bytes, 17, 2)
        else { return false }
        guard (1...12).contains(month), day >= 1, day <= days(in: month, of: year), hour < 24, minute < 60,
            second <= 60
        else { return false }

        var index = 19
        if bytes[index] == UInt8(ascii: ".") {
            let first = index + 1
            index = first
            while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
            guard index > first, index < bytes.count else { return false }
        }
        switch bytes[index] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            return index + 1 == bytes.count
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard index + 6 == bytes.count, let hours = number(bytes, index + 1, 2),
                bytes[index + 3] == UInt8(ascii: ":"), let minutes = number(bytes, index + 4, 2)
            else { return false }
            return hours < 24 && minutes < 60
        default:
            return false
        }
    }

    /// Unix milliseconds of a `date-time`; nil for any other text. What is finer than a millisecond is cut off.
    package static func milliseconds(_ text: String) -> Int64? {
        Array(text.utf8).withUnsafeBytes { bytes in
            guard isValid(bytes), let year = number(bytes, 0, 4), let month = number(bytes, 5, 2),
                let day = number(bytes, 8, 2), let hour = number(bytes, 11, 2), let minute = number(bytes, 14, 2),
                let second = number(bytes, 17, 2)
            else { return nil }
            // The same source, days_from_civil.
            let shiftedYear = month <= 2 ? year - 1 : year
            let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
            let yearOfEra = shiftedYear - era * 400
            let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
            let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
            var milliseconds = Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
            let fraction = bytes[19] == UInt8(ascii: ".") ? bytes[20...].prefix { $0 &- 0x30 < 10 } : bytes[0..<0]
            for (index, digit) in fraction.prefix(3).enumerated() {
                milliseconds += Int64(digit - 0x30) * [100, 10, 1][index]
            }
            let zone = bytes.count - 6
            guard bytes[bytes.count - 1] | 0x20 != UInt8(ascii: "z"), let hours = number(bytes, zone + 1, 2),
                let minutes = number(bytes, zone + 4, 2)
            else { return milliseconds }
            let offset = Int64(hours * 60 + minutes) * 60_000
            return bytes[zone] == UInt8(ascii: "-") ? milliseconds + offset : milliseconds - offset
        }
    }

    /// Appends `2026-05-02T14:32:10.000Z`.
    package static func append(milliseconds: Int64, to text: inout [UInt8]) {
        // Days since 1970 to a date in the proleptic Gregorian calendar: Howard Hinnant, "chrono-Compatible Low-Level
        // Date Algorithms", civil_from_days.
        let milliseconds = max(0, milliseconds)
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

        append(year, digits: 4, then: "-", to: &text)
        append(month, digits: 2, then: "-", to: &text)
        append(day, digits: 2, then: "T", to: &text)
        append(rest / 3_600_000, digits: 2, then: ":", to: &text)
        append(rest / 60_000 % 60, digits: 2, then: ":", to: &text)
        append(rest / 1000 % 60, digits: 2, then: ".", to: &text)
        append(rest % 1000, digits: 3, then: "Z", to: &text)
    }

    package static func text(milliseconds: Int64) -> String {
        var text: [UInt8] = []
        append(milliseconds: milliseconds, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ value: Int64, digits: Int, then character: Unicode.Scalar, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(value / divisor % 10) + UInt8(ascii: "0"))
            divisor /= 10
        }
        text.append(UInt8(ascii: character))
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> Int? {
        var value = 0
        for index in start..<start + count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        default: 31
        }
    }
}
