import RelayCore

/// What a seed decides about its run.
struct SimulationTerms {
    let segmentBytes: Int
    let maxBytes: Int64
    let retention: Duration
    let dedupeWindow: Duration
    let backlogBytes: Int
    let largestPadding: Int
    /// Of 10,000 steps, how many are the last of a process.
    let crashes: Int
    /// Of 10,000 steps, how many begin or end a time of disk trouble.
    let faults: Int
    let jumps: Int
    /// Events that one reading for a lane brings, at most: the fewer, the more often one ends exactly where another began.
    let readEvents: Int

    init(_ random: inout SimulatedRandom) {
        segmentBytes = random.pick([2_048, 4_096, 16_384, 40_960])
        maxBytes = Int64((segmentBytes + 8_192) * random.pick([6, 12, 40]))
        retention = random.pick([.zero, .seconds(30), .seconds(600)])
        dedupeWindow = random.pick([.seconds(10), .seconds(600), .seconds(86_400)])
        backlogBytes = random.pick([3_000, 20_000, .max])
        largestPadding = random.pick([40, 200, 3_000, 12_000])
        crashes = random.pick([0, 60, 150, 300])
        faults = random.pick([0, 0, 100, 300])
        jumps = random.pick([0, 0, 50])
        readEvents = random.pick([1, 2, 5, .max])
    }
}
