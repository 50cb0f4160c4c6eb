import CCares
import Glibc
import RelayCore

/// One name's look-up with c-ares(3): /etc/hosts first, then the name servers of /etc/resolv.conf, for IPv4 and IPv6 at
/// once.
///
/// Each look-up has a channel of its own: a socket with a port that nobody can have guessed, servers as resolv.conf names
/// them at this moment, and nothing that another name's dead server could hold up. Confined to the look-ups' thread.
final class NameLookUp {
    /// A socket of c-ares's: what it wants to hear of; none of both when it is to be forgotten.
    typealias Watch = (_ descriptor: Int32, _ readable: Bool, _ writable: Bool) -> Void

    let name: String
    private let start: MonotonicTime
    private let watch: Watch
    private var channel: ares_channel?
    private var families: [Int32: Family] = [AF_INET: Family(), AF_INET6: Family()]
    private var hosts: [IPAddress] = []

    /// What has come back for one family.
    private struct Family {
        var status: Int32?
        var answeredAt: MonotonicTime?
        var addresses: [IPAddress] = []
    }

    /// What a callback of c-ares's is given: which look-up and which family.
    private final class Question {
        unowned let lookUp: NameLookUp
        let family: Int32
        var now: MonotonicTime

        init(_ lookUp: NameLookUp, family: Int32, now: MonotonicTime) {
            self.lookUp = lookUp
            self.family = family
            self.now = now
        }
    }

    private var questions: [Question] = []

    init(_ name: String, now: MonotonicTime, watch: @escaping Watch) {
        self.name = name
        start = now
        self.watch = watch
    }

    // MARK: Asking

    /// Looks into /etc/hosts, and asks the name servers if nothing stands there.
    ///
    /// - Returns: the answer, where it needs no name server.
    func begin() -> Resolver.Answer? {
        if let answer = lookIntoHosts() { return answer }
        var options = ares_options()
        options.sock_state_cb = { data, descriptor, readable, writable in
            guard let data else { return }
            Unmanaged<NameLookUp>.fromOpaque(data).takeUnretainedValue()
                .watch(descriptor, readable != 0, writable != 0)
        }
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        guard let channel = Self.open(&options, lookups: "b", mask: ARES_OPT_SOCK_STATE_CB) else {
            return .failed("the name service can't be used")
        }
        self.channel = channel
        for family in [AF_INET6, AF_INET] { ask(channel, family) }
        return answer(at: start)
    }

    private func lookIntoHosts() -> Resolver.Answer? {
        var options = ares_options()
        guard let channel = Self.open(&options, lookups: "f", mask: 0) else { return nil }
        self.channel = channel
        ask(channel, AF_UNSPEC)
        close()
        if !hosts.isEmpty { return .addresses(hosts) }
        // RFC 6761 section 6.3: such names are never asked of a name server.
        if name == "localhost" || name.hasSuffix(".localhost") {
            return .addresses([.v6(high: 0, low: 1), .v4(0x7F00_0001)])
        }
        return nil
    }

    /// - Parameter lookups: `f` for /etc/hosts, `b` for name servers.
    private static func open(_ options: inout ares_options, lookups: String, mask: Int32) -> ares_channel? {
        // The name is absolute: no search domains, and no aliases of the environment's.
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES
        options.ndomains = 0
        options.timeout = Int32(Limits.nameServerTime.milliseconds)
        options.tries = Int32(Limits.nameServerTries)
        let mask =
            mask | ARES_OPT_FLAGS | ARES_OPT_DOMAINS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS
        var channel: ares_channel?
        let status = lookups.withCString { text in
            options.lookups = UnsafeMutablePointer(mutating: text)
            return ares_init_options(&channel, &options, mask)
        }
        options.lookups = nil
        return status == ARES_SUCCESS ? channel : nil
    }

    private func ask(_ channel: ares_channel, _ family: Int32) {
        var hints = ares_addrinfo_hints(
            ai_flags: ARES_AI_NOSORT, ai_family: family, ai_socktype: Int32(SOCK_STREAM.rawValue), ai_protocol: 0)
        let question = Question(self, family: family, now: start)
        questions.append(question)
        ares_getaddrinfo(
            channel, name, nil, &hints,
            { argument, status, _, result in
                guard let argument else { return }
                let question = Unmanaged<Question>.fromOpaque(argument).takeUnretainedValue()
                question.lookUp.answered(question, status, result)
            }, Unmanaged.passUnretained(question).toOpaque())
    }

    private func answered(_ question: Question, _ status: Int32, _ result: UnsafeMutablePointer<ares_addrinfo>?) {
        var addresses: [IPAddress] = []
        var node = result?.pointee.nodes
        while let entry = node {
            if let address = IPAddress(entry.pointee.ai_addr), !addresses.contains(address) {
                addresses.append(address)
            }
            node = entry.pointee.ai_next
        }
        if let result { ares_freeaddrinfo(result) }
        if question.family == AF_UNSPEC {
            hosts = addresses
        } else {
            families[question.family] = Family(status: status, answeredAt: question.now, addresses: addresses)
        }
    }

    // MARK: Going on

    /// Reads or writes on a socket, or looks whether servers have had their time (a descriptor of -1).
    func process(_ descriptor: Int32, readable: Bool, writable: Bool, now: MonotonicTime) {
        guard let channel else { return }
        for question in questions { question.now = now }
        ares_process_fd(channel, readable ? descriptor : -1, writable ? descriptor : -1)
    }

    /// What is known once it is enough: both families, or one of them and no more patience for the other.
    func answer(at now: MonotonicTime) -> Resolver.Answer? {
        let all = [AF_INET6, AF_INET].compactMap { families[$0] }
        let isWhole = all.allSatisfy { $0.status != nil }
        let isLate = now - start >= Limits.lookUpTime
        let addresses = all.flatMap(\.addresses)
        if !addresses.isEmpty {
            let isEnough = all.contains { family in
                guard let at = family.answeredAt, !family.addresses.isEmpty else { return false }
                return now - at >= Limits.secondFamilyTime
            }
            return isWhole || isLate || isEnough ? .addresses(addresses) : nil
        }
        guard isWhole || isLate else { return nil }
        return Self.failure(all.map { $0.status ?? ARES_ETIMEOUT })
    }

    private static func failure(_ statuses: [Int32]) -> Resolver.Answer {
        func has(_ status: Int32) -> Bool { statuses.contains(status) }
        if has(ARES_ETIMEOUT) { return .unanswered }
        if has(ARES_ECONNREFUSED) { return .failed("no name server can be reached") }
        if has(ARES_ENOTFOUND) { return .failed("there is no such name") }
        if has(ARES_ENODATA) { return .failed("the name has no addresses") }
        if has(ARES_ESERVFAIL) { return .failed("the name server has failed") }
        if has(ARES_EREFUSED) { return .failed("the name server refuses to answer") }
        return .failed(statuses.first.map { String(cString: ares_strerror($0)).lowercased() } ?? "no answer")
    }

    /// Closes its sockets. Not to be called from within ``process(_:readable:writable:now:)``.
    func close() {
        if let channel { ares_destroy(channel) }
        channel = nil
        questions.removeAll()
    }
}
