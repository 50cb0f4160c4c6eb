import Foundation
import Testing

extension EndToEnd {
    /// Erased is gone: from every file of the state directory.
    @Suite struct ErasingTests {
        private static let small = "[journal]\nmax-bytes = \"4MiB\""

        /// Files below the state directory that hold some bytes.
        private func files(of daemon: Daemon, with marker: String) -> [String] {
            let names =
                FileManager.default.enumerator(atPath: daemon.stateDirectory)?.compactMap { $0 as? String } ?? []
            return names.filter {
                Data(contents("\(daemon.stateDirectory)/\($0)")).range(of: Data(marker.utf8)) != nil
            }
        }

        private func waitUntilDone(_ task: JSON, _ daemon: Daemon, within limit: Duration = .seconds(20)) throws -> JSON
        {
            guard let number = task.task.int else { throw Unmet("no task: \(task)") }
            var last = task
            try eventually("the task is done", within: limit) {
                last = try daemon.api.json("GET", "/api/v1/tasks/\(number)")
                return last.status.string == "done"
            }
            return last
        }

        private func line(_ id: String, _ marker: String, tenant: String = "acme", padding: Int = 0) -> String {
            event(
                tenant: tenant, id: id,
                data: "{\"m\":\"\(marker)\",\"p\":\"\(String(repeating: "x", count: padding))\"}")
        }

        @Test func anEventOfTheSegmentThatIsWrittenTo() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url(), isActive: false)
                try daemon.accept(line("before", "keep-1"))
                try daemon.accept(line("gone", "MARKER-7d1f"))
                try daemon.accept(line("after", "keep-2"))
                #expect(files(of: daemon, with: "MARKER-7d1f").count == 1)

                let answer = try daemon.api.call("DELETE", "/api/v1/events/gone")
                #expect(answer.status == 202)
                let begun = try answer.json
                #expect(answer.headers["location"] == begun.location.string)
                #expect(begun.tenantId.string == "acme")
                let done = try waitUntilDone(begun, daemon)
                #expect(done.count.int == 1)
                #expect(files(of: daemon, with: "MARKER-7d1f") == [])
                #expect(files(of: daemon, with: "keep-1").count == 1)
                #expect(try daemon.status().deliveries.pending.int == 2)
                #expect(try daemon.api.call("DELETE", "/api/v1/events/gone").status == 404)
                let page = try daemon.metrics()
                #expect(page["hookline_deliveries_settled_total{result=\"cancelled\"}"] == 1)
                #expect(page["hookline_journal_rewritten_bytes_total"].map { $0 > 0 } == true)

                // Its id is free again.
                let again = try daemon.accept(line("gone", "MARKER-2nd"))
                #expect(!again.duplicate.isThere)
                #expect(try daemon.accept(line("before", "keep-1")).duplicate.bool == true)
                try daemon.api.json("PATCH", "/api/v1/webhooks/\(webhook.id)", "{\"isActive\":true}")
                try eventually("the others are delivered") { receiver.count == 3 }
                try throughout(.milliseconds(300), "nothing else comes") { receiver.count == 3 }
                #expect(try receiver.deliveries().map(\.id).sorted() == ["after", "before", "gone"])
                #expect(try receiver.deliveries().allSatisfy { !$0.body.contains("MARKER-7d1f") })
                #expect(try daemon.status().deliveries.pending.int == 0)
                #expect(try daemon.stop() == .exited(0))
                try daemon.start()
                #expect(try daemon.api.json("GET", "/api/v1/tasks/\(done.task.int ?? 0)").status.string == "done")
                #expect(try daemon.api.call("GET", "/api/v1/tasks/\((done.task.int ?? 0) + 1)").status == 404)
            }
        }

        @Test func aTenantsEventsFromOldSegments() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.small)
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/a"), isActive: false)
                let other = try daemon.webhook(receiver.url("/b"), tenant: "bolt", isActive: false)
                var lines = ""
                for index in 0..<400 {
                    lines += line("a\(index)", "MARKER-acme", padding: 2000) + "\n"
                    lines += line("b\(index)", "MARKER-bolt", tenant: "bolt", padding: 2000) + "\n"
                }
                #expect(try daemon.send(lines).allSatisfy { $0.ok.bool == true })
                #expect(files(of: daemon, with: "MARKER-acme").count > 1)

                let erased = try lab.hookline([
                    "tenants", "erase", "acme", "--api-socket", daemon.apiSocket,
                ])
                #expect(erased.end == .exited(0), "\(erased.errors)")
                #expect(erased.output == "All events of acme have been erased for good: 400 events.\n")
                #expect(files(of: daemon, with: "MARKER-acme") == [])
                #expect(try daemon.show(webhook).backlog.pending.int == 0)
                #expect(try daemon.show(other).backlog.pending.int == 400)
                #expect(!daemon.log.contains("lost with their events"))

                // What comes afterwards is as good as ever, under the same ids too.
                #expect(try daemon.accept(line("a7", "new")).duplicate.isThere == false)
                for id in [webhook.id, other.id] {
                    try daemon.api.json("PATCH", "/api/v1/webhooks/\(id)", "{\"isActive\":true}")
                }
                try eventually("the other tenant's are delivered") { try receiver.deliveries("/b").count == 400 }
                try eventually("the new one is delivered") { try receiver.deliveries("/a").count == 1 }
                #expect(try daemon.status().deliveries.pending.int == 0)
            }
        }

        /// Killed at once, and as soon as some files are without the events and others aren't.
        @Test(arguments: [false, true])
        func killedInTheMiddle(waitsForTheFirstFile: Bool) throws {
            try Lab.run { lab in
                let daemon = try lab.daemon(Self.small)
                for tenant in ["acme", "bolt"] {
                    _ = try daemon.webhook("http://127.0.0.1:9/", tenant: tenant, isActive: false)
                }
                let lines = (0..<900).map { index in
                    let isAcme = index % 3 == 0
                    return line(
                        "k\(index)", isAcme ? "MARKER-x" : "keep", tenant: isAcme ? "acme" : "bolt", padding: 2000)
                }
                #expect(try daemon.send(lines.joined(separator: "\n") + "\n").count == 900)
                let before = files(of: daemon, with: "MARKER-x")
                let task = try daemon.api.json("DELETE", "/api/v1/tenants/acme/events")
                if waitsForTheFirstFile, let first = before.sorted().first {
                    let path = "\(daemon.stateDirectory)/\(first)"
                    try eventually("one is written anew") {
                        Data(contents(path)).range(of: Data("MARKER-x".utf8)) == nil
                    }
                }
                try daemon.kill()
                let middle = files(of: daemon, with: "MARKER-x")
                #expect(!middle.isEmpty)
                #expect(!waitsForTheFirstFile || middle.count < before.count, "\(middle)")
                try daemon.start()
                _ = try waitUntilDone(task, daemon)
                #expect(files(of: daemon, with: "MARKER-x") == [])
                #expect(try daemon.status().deliveries.pending.int == 600)
                let again = try daemon.send(lines.joined(separator: "\n") + "\n")
                #expect(again.count { $0.duplicate.bool == true } == 600)
                #expect(try daemon.status().deliveries.pending.int == 900)
                try daemon.kill()
                try daemon.start()
                #expect(try daemon.status().deliveries.pending.int == 900)
                #expect(try daemon.api.json("GET", "/api/v1/tasks/\(task.task.int ?? 0)").status.string == "done")
            }
        }

        @Test func unfinishedFilesOfACrashAreGoneAfterTheStart() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.accept(line("a", "x"))
                try daemon.kill()
                let left = "\(daemon.stateDirectory)/journal/0000000000000001-0000000000000001.seg.new"
                try "MARKER-left".write(toFile: left, atomically: false, encoding: .utf8)
                try daemon.start()
                #expect(files(of: daemon, with: "MARKER-left") == [])
            }
        }

        @Test func anAttemptThatIsUnderWayIsTheLast() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[delivery]\nretry-schedule = [\"50ms\",\"50ms\"]\ntimeout = \"700ms\"")
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(receiver.url("/hang"))
                try daemon.accept(line("gone", "MARKER-fly"))
                try eventually("the attempt has begun") { receiver.count == 1 }
                let task = try daemon.api.json("DELETE", "/api/v1/events/gone")
                _ = try waitUntilDone(task, daemon)
                #expect(files(of: daemon, with: "MARKER-fly") == [])
                try eventually("it is settled") { try daemon.show(webhook).backlog.pending.int == 0 }
                try throughout(.milliseconds(500), "no attempt follows") { receiver.count == 1 }
                #expect(try daemon.metrics()["hookline_deliveries_settled_total{result=\"cancelled\"}"] == 1)
            }
        }

        @Test func anIDOfTwoTenantsNeedsOneToBeNamed() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                try daemon.accept(line("same", "MARKER-1"))
                try daemon.accept(line("same", "MARKER-2", tenant: "bolt"))
                let made = try #require(try daemon.accept(event(data: "{\"m\":\"MARKER-3\"}")).id.string)
                let answer = try daemon.api.call("DELETE", "/api/v1/events/same")
                #expect(answer.status == 409)
                #expect(try answer.json.tenants.strings == ["acme", "bolt"])
                #expect(try daemon.api.call("DELETE", "/api/v1/events/other").status == 404)
                #expect(try daemon.api.call("DELETE", "/api/v1/events/same?tenantId=zeta").status == 404)

                let erase = ["events", "erase", "same", "--api-socket", daemon.apiSocket]
                let refused = try lab.hookline(erase)
                #expect(refused.end == .exited(1))
                #expect(refused.errors.contains("acme, bolt"))
                let erased = try lab.hookline(erase + ["--tenant", "bolt"])
                #expect(erased.output == "The event same of bolt has been erased for good: 1 event.\n")
                #expect(files(of: daemon, with: "MARKER-2") == [])
                #expect(files(of: daemon, with: "MARKER-1").count == 1)
                let other = try lab.hookline(["events", "erase", made, "--json", "--api-socket", daemon.apiSocket])
                #expect(try JSON(other.output).status.string == "done")
                #expect(files(of: daemon, with: "MARKER-3") == [])
                let begun = try lab.hookline(erase + ["--no-wait"])
                #expect(begun.output == "The event same of acme will be erased: task 3.\n")
                #expect(try daemon.api.json("GET", "/api/v1/tasks").data.array.map(\.task.int) == [3, 2, 1])
            }
        }
    }
}
