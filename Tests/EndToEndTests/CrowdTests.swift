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
            let hanging: Int

            init(_ json: JSON) throws {
                func number(_ name: String) -> Double { json[name].double ?? .nan }
                delivered = json.delivered.int ?? -1
                expected = json.expected.int ?? -2
                median = number("p50")
                slowest = number("p99")
                perSecond = number("perSecond")
                hanging = json.hanging.int ?? 0
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

        private func measure(_ lab: Lab, sick: Int) throws -> Figures {
            let load = try lab.start(["node", Package.receiver("load.js")], input: .open)
            var port: Int?
            try eventually("the receivers listen") {
                port = load.output.split(separator: "\n").first.flatMap { Int($0) }
                return port != nil
            }
            let base = "http://127.0.0.1:\(port ?? 0)"
            let daemon = try lab.daemon("[delivery]\ntimeout = \"3s\"")
            for index in 0..<Self.healthy { _ = try daemon.webhook("\(base)/ok/\(index)") }
            for index in 0..<sick { _ = try daemon.webhook("\(base)/hang/\(index)") }
            func run(seconds: Int) throws -> Figures {
                let lines = load.output.split(separator: "\n").count
                load.write("go \(daemon.eventsSocket) acme \(Self.rate) \(seconds) \(Self.healthy)\n")
                try eventually("the load has run", within: .seconds(seconds + 40)) {
                    load.output.split(separator: "\n").count > lines
                }
                return try Figures(JSON(String(load.output.split(separator: "\n").last ?? "")))
            }
            // Connections are made and windows grow; those that hang do so when it is measured.
            _ = try run(seconds: 4)
            let figures = try run(seconds: Self.seconds)
            load.finish()
            daemon.process?.finish()
            return figures
        }

        @Test func nineHundredThatHangDontSlowTheOtherHundred() throws {
            try Lab.run { lab in
                let alone = try measure(lab, sick: 0)
                var crowded = try measure(lab, sick: Self.sick)
                print("alone: \(alone)\namong \(Self.sick) that hang: \(crowded)")
                // Whatever else the machine does makes it slower, never faster: the best of three counts.
                for _ in 0..<2 where crowded.slowest > alone.slowest * 2 + 250 {
                    crowded = try measure(lab, sick: Self.sick)
                    print("again among \(Self.sick) that hang: \(crowded)")
                }
                #expect(alone.delivered == alone.expected && crowded.delivered == crowded.expected)
                #expect(crowded.hanging >= Self.sick)
                // A released executable on two cores: 10 ms alone and 17 to 35 ms in the crowd at the 99th percentile, 3 and
                // 4 to 5 ms at the median, where each event also goes to ten times as many lanes. A debug one on a busy
                // machine needs room, but far less than the 900 ms that it took when the crowd's time ran out all at once.
                #expect(crowded.slowest <= alone.slowest * 2 + 250)
                #expect(crowded.perSecond >= alone.perSecond * 0.95)
            }
        }
    }
}
