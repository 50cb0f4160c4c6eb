import Glibc
import Logging
import RelayCore

extension ProducerRules {
    /// Rules of the configuration with users and groups looked up; one that names nobody is left out with a warning.
    init(_ configured: [Configuration.ProducerRule], logger: Logger) {
        guard !configured.isEmpty else {
            self.init(rules: nil)
            return
        }
        self.init(
            rules: configured.compactMap { rule in
                guard let subject = Self.subject(of: rule, logger: logger) else { return nil }
                return Rule(
                    subject: subject, tenants: rule.tenants.contains("*") ? nil : Set(rule.tenants),
                    patterns: rule.events.compactMap(EventPattern.init))
            })
    }

    private static func subject(of rule: Configuration.ProducerRule, logger: Logger) -> Rule.Subject? {
        if let uid = rule.uid { return .uid(uid) }
        if let user = rule.user {
            if let entry = getpwnam(user) { return .uid(entry.pointee.pw_uid) }
            logger.warning("a producer rule names an unknown user: it counts for nobody", metadata: ["user": "\(user)"])
        }
        if let group = rule.group {
            if let entry = getgrnam(group) { return .gid(entry.pointee.gr_gid) }
            logger.warning(
                "a producer rule names an unknown group: it counts for nobody", metadata: ["group": "\(group)"])
        }
        return nil
    }
}
