package import RelayCore

/// All settings of the daemon, checked: the file `/etc/hookline/hookline.toml` with the environment laid over it.
///
/// The memberwise defaults are those of an empty file. `Configuration+TOML.swift` reads it, `Setting+Catalogue.swift`
/// knows each key's bounds.
package struct Configuration: Equatable, Sendable {
    /// Events in.
    package struct Ingest: Equatable, Sendable {
        /// The longest line, in bytes without its LF; 1 KiB...16 MiB.
        package var maxLineBytes = 256 << 10
        /// Connections at a time; 1...65536.
        package var maxConnections = 1024
        /// How long an id is remembered after its first acceptance; 100 ms...90 d.
        package var dedupeWindow = Duration.seconds(86_400)
        /// How many ids are remembered; 1...1,000,000,000.
        package var dedupeMaxIDs = 20_000_000
    }

    /// The catalogue of event types.
    package struct Events: Equatable, Sendable {
        /// Event types beyond the built-in ones, without repetitions.
        package var extra: [String] = []
    }

    /// Who may send what: exactly one of `user`, `uid` and `group` is set.
    package struct ProducerRule: Equatable, Sendable {
        /// A user name, not resolved yet.
        package var user: String?
        /// A numeric user id.
        package var uid: UInt32?
        /// A group name, not resolved yet; supplementary groups count too.
        package var group: String?
        /// Tenant ids, or `*` for all; never empty.
        package var tenants: [String]
        /// Event types or patterns (`application.*`, `*`); never empty.
        package var events: [String]

        /// Makes a rule from its parts.
        package init(
            user: String? = nil, uid: UInt32? = nil, group: String? = nil, tenants: [String], events: [String] = ["*"]
        ) {
            self.user = user
            self.uid = uid
            self.group = group
            self.tenants = tenants
            self.events = events
        }
    }

    /// The durable event journal.
    package struct Journal: Equatable, Sendable {
        /// Space before anything is given up or refused, in bytes; 1 MiB...1 PiB.
        package var maxBytes: Int64 = 10 << 30
        /// How long settled events stay for replay; 0...3650 d.
        package var retention = Duration.seconds(7 * 86_400)
        /// One webhook's share of pending deliveries, in bytes; 64 KiB...1 PiB.
        package var webhookBacklogMaxBytes: Int64 = 2 << 30
    }

    /// Deliveries out.
    package struct Delivery: Equatable, Sendable {
        /// Attempts at a time; 1...65536.
        package var maxInFlight = 4096
        /// Attempts at a time to one webhook; 1...65536.
        package var maxInFlightPerWebhook = 64
        /// One attempt, from name lookup to response head; 100 ms...10 m.
        package var timeout = Duration.seconds(15)
        /// Waits after the first, second, … failed attempt; at most 64, each 1 ms...30 d.
        package var retrySchedule: [Duration] = [
            .seconds(5), .seconds(300), .seconds(1800), .seconds(2 * 3600), .seconds(5 * 3600), .seconds(10 * 3600),
            .seconds(14 * 3600), .seconds(20 * 3600), .seconds(24 * 3600),
        ]
        /// When a delivery is given up, counted from acceptance; 100 ms...365 d.
        package var maxAge = Duration.seconds(7 * 86_400)
        /// How long a webhook may fail before it is disabled; 100 ms...365 d.
        package var disableAfter = Duration.seconds(5 * 86_400)
        /// How long deliveries go on at a stop; 0...10 m.
        package var drainTimeout = Duration.seconds(5)
    }

    /// What deliveries may reach.
    package struct Egress: Equatable, Sendable {
        /// Addresses that may be reached although private or plain http.
        package var allow: [EgressRule] = []
        /// Whether plain http goes only to addresses in `allow`.
        package var requireHTTPS = true
        /// A PEM file with more certificate authorities, an absolute path; empty for none.
        package var caFile = ""
        /// A CONNECT proxy, `http://host:port`; empty for none.
        package var proxy = ""
        /// The proxy's `user:password`, from the systemd credential `hookline.proxy`; nil without it.
        package var proxyCredentials: String?
    }

    /// Signatures.
    package struct Signing: Equatable, Sendable {
        /// The name of the header with the plain HMAC.
        package var header = "X-HiresScope-Signature"
    }

    /// The HTTP API.
    package struct API: Equatable, Sendable {
        /// A loopback address and port for TCP, such as `127.0.0.1:8480`; empty for none.
        package var listen = ""
    }

    /// Logging.
    package struct Log: Equatable, Sendable {
        /// The lowest level that is logged: one of `trace`, `debug`, `info`, `notice`, `warning`, `error`, `critical`.
        package var level = "info"
    }

    /// `[ingest]`
    package var ingest = Ingest()
    /// `[events]`
    package var events = Events()
    /// `[[producers]]`; empty: every peer that can open the socket may send everything.
    package var producers: [ProducerRule] = []
    /// `[journal]`
    package var journal = Journal()
    /// `[delivery]`
    package var delivery = Delivery()
    /// `[egress]`
    package var egress = Egress()
    /// `[signing]`
    package var signing = Signing()
    /// `[api]`
    package var api = API()
    /// `[log]`
    package var log = Log()

    /// The settings of an empty file.
    package init() {}
}
