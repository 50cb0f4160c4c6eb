import Foundation

/// A network of its own, with its own /etc/resolv.conf and /etc/hosts: unshare(1). Nothing of it is seen outside, but the
/// Unix sockets of what runs in it.
final class Namespace {
    private let lab: Lab
    private let holder: Child

    /// What starts a program in it.
    var through: [String] {
        let user = geteuid() == 0 ? [] : ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", "\(holder.pid)", "--net", "--mount"] + user + ["--"]
    }

    /// - Parameter resolver: the text of /etc/resolv.conf.
    init(_ lab: Lab, resolver: String, hosts: String = "127.0.0.1 localhost\n") throws {
        self.lab = lab
        let resolverPath = try lab.directory.write("resolv.conf", resolver)
        let hostsPath = try lab.directory.write("hosts", hosts)
        let script = """
            ip link set lo up && mount --bind \(hostsPath) /etc/hosts && mount --bind \(resolverPath) "$1" &&
            echo ready && exec sleep 600
            """
        // Where it is a link, what it leads to is covered.
        let target = URL(fileURLWithPath: "/etc/resolv.conf").resolvingSymlinksInPath().path
        let user = geteuid() == 0 ? [] : ["--user", "--map-root-user"]
        holder = try lab.start(["unshare", "--net", "--mount"] + user + ["--", "sh", "-c", script, "sh", target])
        try eventually("the namespace is there") { [holder] in
            guard holder.isRunning else { throw Unmet("no namespace: \(holder.errors)") }
            return holder.output.contains("ready")
        }
    }

    /// Starts a program in it, and waits until it says that it is ready.
    @discardableResult
    func start(_ arguments: [String]) throws -> Child {
        let child = try lab.start(through + arguments)
        try eventually("\(arguments) is ready") {
            guard child.isRunning else { throw Unmet("\(arguments) has ended: \(child.errors)") }
            return child.output.contains("ready")
        }
        return child
    }

    /// A running daemon in it.
    func daemon(_ tables: String = "", egress: String) throws -> Daemon {
        let daemon = try lab.idleDaemon(tables, egress: egress)
        try daemon.start(through: through)
        return daemon
    }
}
