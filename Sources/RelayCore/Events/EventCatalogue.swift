/// The event types that this host knows: the six built-in ones, and `events.extra` of the configuration.
package struct EventCatalogue: Sendable, Equatable {
    /// The types of the recruiting product that Hookline began with.
    package static let builtIn = [
        "application.created", "application.scored", "application.shortlisted", "application.rejected",
        "job.created", "job.closed",
    ]

    /// What Hookline itself tells: producers can't send these, and `*` doesn't match them.
    package static let operational = [
        "webhook.failing", "webhook.recovered", "webhook.disabled", "delivery.given_up",
    ]

    /// Types that producers may send; an index into this is a type's short name inside the process.
    package let names: [String]
    private let utf8: [PinnedBytes]

    package init(extra: [String] = []) {
        names = Self.builtIn + extra.filter { !Self.builtIn.contains($0) }
        utf8 = names.map { PinnedBytes($0.utf8) }
    }

    /// The index of the type with this name, nil if there is none.
    package func index(of name: UnsafeRawBufferPointer) -> Int? {
        // A handful of short names: comparing them in turn is faster than hashing one.
        for index in 0..<utf8.count where utf8[index].contents.equals(name) { return index }
        return nil
    }

    /// The index of the type with this name, nil if there is none.
    package func index(of name: String) -> Int? {
        names.firstIndex(of: name)
    }
}
