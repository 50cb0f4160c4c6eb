import Foundation
import Testing

/// The whole way of an event, on a host where anything may fail at any moment, again and again with other numbers.
///
/// `HOOKLINE_SIMULATION_SEEDS` says how many seeds are run, `HOOKLINE_SIMULATION_SEED` runs one alone.
@Suite("Simulation")
struct SimulationTests {
    private static let steps = 400

    private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    /// Seeds in portions, which run at the same time.
    private static var portions: [Range<UInt64>] {
        if let seed = number("HOOKLINE_SIMULATION_SEED") { return [UInt64(seed)..<UInt64(seed) + 1] }
        let count = number("HOOKLINE_SIMULATION_SEEDS") ?? 1_000
        return stride(from: 0, to: count, by: 50).map { UInt64($0) + 1..<UInt64(min(count, $0 + 50)) + 1 }
    }

    @Test("whatever fails, nothing acknowledged is lost, repeated or made up", arguments: portions)
    func seeds(portion: Range<UInt64>) {
        let isAlone = portion.count == 1
        for seed in portion {
            let simulation = Simulation(seed: seed)
            if isAlone { simulation.trace = { print($0) } }
            guard let violation = simulation.run(steps: Self.steps) else { continue }
            Issue.record(
                """
                \(violation)
                HOOKLINE_SIMULATION_SEED=\(seed) SWIFT_DETERMINISTIC_HASHING=1 swift test --filter SimulationTests
                """)
        }
    }
}
