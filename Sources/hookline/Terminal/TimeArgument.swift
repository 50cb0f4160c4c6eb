import ArgumentParser
import RelayCore

/// A moment as it is written on the command line: RFC 3339, or how long ago, such as `2h`.
struct TimeArgument: ExpressibleByArgument, Sendable, Equatable {
    /// Unix milliseconds.
    let milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init?(argument: String) {
        if let moment = RFC3339.milliseconds(argument) {
            milliseconds = moment
        } else if argument.last?.isLetter == true, let ago = DurationArgument(argument: argument) {
            milliseconds = WallClock.milliseconds() - ago.duration.milliseconds
        } else {
            return nil
        }
    }
}
