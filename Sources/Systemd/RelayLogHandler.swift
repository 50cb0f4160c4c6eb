import Glibc
package import Logging
import RelayCore

/// Log lines: in the journal with their metadata as fields, or on standard error with the time in front.
package struct RelayLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let journal: JournalSink?

    /// - Parameter journal: nil: standard error does not lead there.
    package init(level: Logger.Level, journal: JournalSink? = JournalSink()) {
        logLevel = level
        self.journal = journal
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            .map { (key: $0.key, value: "\($0.value)") }
        var text = LogText.escaped("\(event.message)")
        for (key, value) in all where key != LogMessage.key { text += " \(key)=\(LogText.quoted(value))" }
        if let journal {
            journal.put(JournalEntry(level: event.level, text: text, metadata: all), level: event.level, text: text)
        } else {
            StandardError.write("\(Self.time()) \(event.level) \(text)\n")
        }
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let milliseconds = "\(1000 + now.tv_nsec / 1_000_000)".dropFirst()
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)Z"
    }
}
