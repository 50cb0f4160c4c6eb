import CSystemd
import Glibc

/// Listening sockets that systemd hands over: sd_listen_fds_with_names(3), systemd.socket(5) `FileDescriptorName=`.
package struct PassedSockets: Sendable {
    /// By name: listening Unix stream sockets, non-blocking and closed on exec.
    package private(set) var descriptors: [String: Int32] = [:]
    /// What was handed over and is of no use, with the reason; it is closed.
    package private(set) var rejected: [String] = []

    /// Takes them over, once: the environment names none any more afterwards. To be called before there are threads that
    /// read the environment.
    ///
    /// - Parameter names: those that are of use.
    package static func take(_ names: Set<String>) -> PassedSockets {
        var passed = PassedSockets()
        var texts: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &texts)
        guard count > 0 else { return passed }
        for index in 0..<Int(count) {
            // SD_LISTEN_FDS_START
            let descriptor = Int32(3 + index)
            let name = texts?[index].map { String(cString: $0) } ?? "unknown"
            free(texts?[index])
            if let reason = passed.fault(of: descriptor, name, among: names) {
                passed.rejected.append("\(name): \(reason)")
                close(descriptor)
            } else {
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
                passed.descriptors[name] = descriptor
            }
        }
        free(texts)
        return passed
    }

    private func fault(of descriptor: Int32, _ name: String, among names: Set<String>) -> String? {
        guard names.contains(name) else {
            return
                "the name is none of \(names.sorted().joined(separator: ", ")) (FileDescriptorName= in the socket unit)"
        }
        guard descriptors[name] == nil else { return "there is another socket of this name" }
        guard sd_is_socket_unix(descriptor, Int32(SOCK_STREAM.rawValue), 1, nil, 0) > 0 else {
            return "it is no listening Unix stream socket (ListenStream= with a path)"
        }
        return nil
    }
}
