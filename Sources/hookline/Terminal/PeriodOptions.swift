import ArgumentParser

/// From when until when.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("From when on: 2026-05-02T14:00:00Z, or how long ago, such as 2h.", valueName: "time"))
    var since: TimeArgument?

    @Option(help: ArgumentHelp("Before when.", valueName: "time"))
    var until: TimeArgument?

    /// As members of a body.
    var members: [(String, String)] {
        [("since", since), ("until", until)].compactMap { name, time in
            time.map { (name, WallClock.timestamp($0.milliseconds)) }
        }
    }

    /// As parameters of a query, each with its "&".
    var parameters: String { members.map { "&\($0)=\(TargetText.encode($1))" }.joined() }
}
