import CLinuxShims
import Glibc
import RelayCore

/// The host's clocks, clock_gettime(2).
enum Clock {
    /// Unix milliseconds.
    static func wall() -> Int64 {
        hookline_clock(CLOCK_REALTIME) / 1_000_000
    }

    static func monotonic() -> MonotonicTime {
        MonotonicTime(nanoseconds: hookline_clock(CLOCK_MONOTONIC))
    }
}
