import Foundation
import Testing

extension EndToEnd {
    /// A thousand webhooks, of which nine hundred hang until their time is up.
    @Suite struct CrowdTests {
        struct Figures: CustomStringConvertible {
            let delivered: Int
            let expected: Int
            let median: Double
            let slowest: Double
            let perSecond: Double
            var hanging = 0

            init(_ json: JSON) throws {
                func number(_ name: String) -> Double { json[name].double ?? .nan }
                delivered = json.delivered.int ?? -1
                expected = json.expected.int ?? -2
                median = number("p50")
                slowest = number("p99")
                perSecond = number("perSecond")
            }

            var description: String {
                let times = [median, slowest].map { String(format: "%.1f", $0) }.joined(separator: " and ")
                return "median and p99 \(times) ms, \(Int(perSecond)) deliveries/s, \(hanging) hanging"
            }
        }

        private static let healthy = 100
        private static let sick = 900

        private static let rate = ProcessInfo.processInfo.environment["HOOKLINE_CROWD_RATE"].flatMap { Int($0) } ?? 10
        private static let seconds = 8

        /// A process of `load.js`, which answers with a line.
        private struct Load {
            let process: Child
            let port: Int

            init(_ lab: Lab) throws {
                process = try lab.start(["node", Package.receiver("load.js")], input: .open)
                let process = process
                try eventually("the receivers listen") { process.output.contains("\n") }
                port = process.output.split(separator: "\n").first.flatMap { Int($0) } ?? 0
            }

            func ask(_ line: String, within limit: Duration = .seconds(10)) throws -> String {
                let count = process.output.split(separator: "\n").count
                process.write(line + "\n")
                let process = process
                try eventually("load.js answers", within: limit) {
                    process.output.hasSuffix("\n") && process.output.split(separator: "\n").count > count
                }
                return String(process.output.split(separator: "\n").last ?? "")
            }
        }

        private func measure(_ lab: Lab, sick: Int) throws -> Figures {
            let (load, sickLoad) = (try Load(lab), try Load(lab))
            let daemon = try lab.daemon("[delivery]\ntimeout = \"3s\"")
            for index in 0..<Self.healthy { _ = try daemon.webhook("http://127.0.0.1:\(load.port)/ok/\(index)") }
            for index in 0..<sick { _ = try daemon.webhook("http://127.0.0.1:\(sickLoad.port)/hang/\(index)") }
            func run(seconds: Int) throws -> Figures {
                try Figures(
                    JSON(
                        load.ask(
                            "go \(daemon.eventsSocket) acme \(Self.rate) \(seconds) \(Self.healthy)",
                            within: .seconds(seconds + 40))))
            }
            // Connections are made and windows grow; those that hang do so when it is measured.
            _ = try run(seconds: 4)
            _ = try sickLoad.ask("hanging")
            var figures = try run(seconds: Self.seconds)
            figures.hanging = Int(try sickLoad.ask("hanging")) ?? 0
            load.process.finish()
            sickLoad.process.finish()
            daemon.process?.finish()
            return figures
        }

        @Test func nineHundredThatHangDontSlowTheOtherHundred() throws {
            try Lab.run { lab in
                let alone = try measure(lab, sick: 0)
                var crowded = try measure(lab, sick: Self.sick)
                print("alone: \(alone)\namong \(Self.sick) that hang: \(crowded)")
                // Whatever else the machine does makes it slower, never faster: the best of three counts.
                for _ in 0..<2 where crowded.slowest > alone.slowest * 2 + 100 {
                    crowded = try measure(lab, sick: Self.sick)
                    print("again among \(Self.sick) that hang: \(crowded)")
                }
                #expect(alone.delivered == alone.expected && crowded.delivered == crowded.expected)
                #expect(crowded.hanging >= Self.sick)
                // A released executable on two cores: 3.7 ms alone and 4.3 ms in the crowd at the 99th percentile, 1.7 and 2.3
                // at the median, where each event also goes to ten times as many lanes. A debug one on a busy machine needs
                // room.
                #expect(crowded.slowest <= alone.slowest * 2 + 100)
                #expect(crowded.perSecond >= alone.perSecond * 0.95)
            }
        }
    }
}
