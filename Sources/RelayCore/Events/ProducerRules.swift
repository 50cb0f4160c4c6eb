/// `[[producers]]` of the configuration, with names turned into numbers: who may send what.
package struct ProducerRules: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        package enum Subject: Sendable, Equatable {
            case uid(UInt32)
            case gid(UInt32)
        }

        package let subject: Subject
        /// Nil: any.
        package let tenants: Set<String>?
        package let patterns: [EventPattern]

        package init(subject: Subject, tenants: Set<String>?, patterns: [EventPattern]) {
            self.subject = subject
            self.tenants = tenants
            self.patterns = patterns
        }
    }

    /// Nil: no rules are configured, and everybody may send everything.
    package let rules: [Rule]?

    package init(rules: [Rule]?) {
        self.rules = rules
    }

    /// What all rules for a peer allow together.
    ///
    /// - Parameter groups: supplementary ones.
    package func grant(to peer: PeerIdentity, groups: [UInt32], catalogue: EventCatalogue) -> ProducerGrant {
        guard let rules else { return .everything }
        let matching = rules.filter {
            switch $0.subject {
            case .uid(let uid): uid == peer.uid
            case .gid(let gid): gid == peer.gid || groups.contains(gid)
            }
        }
        return ProducerGrant(
            permits: matching.map { rule in
                ProducerGrant.Permit(
                    tenants: rule.tenants,
                    types: catalogue.names.map { name in rule.patterns.contains { $0.matches(name) } })
            })
    }
}

/// What one peer may send.
package struct ProducerGrant: Sendable, Equatable {
    struct Permit: Sendable, Equatable {
        let tenants: Set<String>?
        /// By index of the catalogue.
        let types: [Bool]
    }

    /// Nil: everything.
    private let permits: [Permit]?
    /// The tenant that a line without one means: the only one that the peer's rules name.
    package let onlyTenant: String?

    package static let everything = ProducerGrant(all: ())

    private init(all: Void) {
        permits = nil
        onlyTenant = nil
    }

    init(permits: [Permit]) {
        self.permits = permits
        let named = permits.reduce(into: Set<String>()) { $0.formUnion($1.tenants ?? []) }
        let isOpen = permits.contains { $0.tenants == nil }
        onlyTenant = !isOpen && named.count == 1 ? named.first : nil
    }

    /// Whether nothing needs to be asked.
    package var isEverything: Bool { permits == nil }

    package func allows(tenant: String, type: Int) -> Bool {
        guard let permits else { return true }
        return permits.contains { $0.types[type] && ($0.tenants?.contains(tenant) ?? true) }
    }
}
