import Glibc
import RelayCore

/// Reads what the kernel says about this process: proc_pid_stat(5), getrlimit(2).
enum ProcessReader {
    static func figures(startedAt: Int64) -> ProcessFigures {
        var figures = ProcessFigures()
        figures.startedAt = startedAt
        // The command's name, in parentheses, may hold anything: the fields behind it are counted from its end.
        let text = contents("/proc/self/stat")
        if let end = text.lastIndex(of: UInt8(ascii: ")")) {
            let fields = text[(end + 1)...].split(separator: 0x20).map { Int(String(decoding: $0, as: UTF8.self)) }
            func field(_ number: Int) -> Int? { fields.indices.contains(number - 3) ? fields[number - 3] : nil }
            let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
            if let user = field(14), let system = field(15) { figures.cpuSeconds = Double(user + system) / ticks }
            figures.threads = field(20)
            figures.virtualBytes = field(23)
            figures.residentBytes = field(24).map { $0 * max(1, sysconf(Int32(_SC_PAGESIZE))) }
        }
        figures.openDescriptors = openDescriptors()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            figures.maxDescriptors = Int(clamping: limit.rlim_cur)
        }
        return figures
    }

    private static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            // "." and "..".
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        // The directory's own.
        return count - 1
    }

    private static func contents(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
