import Foundation
import Testing

extension EndToEnd {
    /// What arrives at a receiver: every byte, every header, both signatures.
    @Suite struct DeliveryTests {
        private struct Sample {
            let type: String
            let data: String
            var timestamp: String?
        }

        private static let samples = [
            Sample(
                type: "application.created",
                data: """
                    {"candidateName":"Łucja O'Neill 李小龍","names":["Ἀθηνᾶ","Дмитрий Ёлкин","محمد بن سلمان","प्रिया शर्मा",\
                    "สมชาย ใจดี","שרה כהן","김민준","たなか さくら","Nguyễn Thị Hồng"],"mood":"👩🏽‍💻🏳️‍🌈","escaped":\
                    "\\ud83d\\udc69\\ud83c\\udffd\\u200d\\ud83d\\udcbb \\u0141ucja"}
                    """,
                timestamp: "2026-05-02T14:32:10.000Z"),
            Sample(
                type: "application.scored",
                data: """
                    { "score" : 1e400, "zero":-0, "zeros":[-0.0,0e-0,0E+7] , "digits":12345678901234567890,\
                    "many":99999999999999999999.00000000000000000001,"small":1E-400 }
                    """,
                timestamp: "2026-05-02T14:32:10.123456789+05:30"),
            Sample(
                type: "application.shortlisted",
                data: """
                    {"a":{"b":{"c":[[[{"d":null}]],{}, [] ]}},"a":"again","lone":"\\ud800 \\udfff","nul":"\\u0000",\
                    "":true}
                    """),
            Sample(
                type: "application.rejected",
                data: """
                    {"reason":"</script><b>\\"quoted\\"\\/ \\\\ \\b\\f\\n\\r\\t","html":"&lt;&amp;","tab":\t"after a tab"}
                    """),
            Sample(
                type: "job.created",
                data: "{\"title\":\"Bäcker:in\",\"description\":\"\(String(repeating: "Größe ", count: 12_000))\"}"),
            Sample(type: "job.closed", data: "{}"),
        ]

        @Test func everyByteAndHeaderArrives() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                let webhook = try daemon.webhook(
                    receiver.url("/hooks?from=hookline"), more: "\"headers\":{\"X-Team\":\"Zürich, 7\",\"x-b\":\"\"}")
                try receiver.use(secret: webhook.secret)
                let version = try lab.hookline(["--version"]).output.trimmingCharacters(in: .newlines)
                let begun = Int(Date().timeIntervalSince1970)

                let lines = Self.samples.enumerated().map { index, sample in
                    event(
                        sample.type, id: "sample-\(index)", data: sample.data, timestamp: sample.timestamp)
                }
                let replies = try daemon.send(lines.joined(separator: "\n") + "\n")
                #expect(replies.map(\.id.string) == (0..<6).map { "sample-\($0)" })
                #expect(replies.allSatisfy { $0.ok.bool == true && $0.webhooks.int == 1 })

                try eventually("six deliveries") { receiver.count >= 6 }
                let deliveries = try receiver.deliveries()
                for (index, sample) in Self.samples.enumerated() {
                    let delivery = try #require(deliveries.first { $0.id == "sample-\(index)" })
                    #expect(delivery.method == "POST")
                    #expect(delivery.path == "/hooks?from=hookline")
                    #expect(delivery.version == "1.1")
                    #expect(delivery.isGenuine)
                    checkBody(delivery.body, sample)
                    checkHeaders(delivery, version: version, port: receiver.port, begun: begun)
                }
                try verifyWithLibraries(lab, receiver, webhook.secret)
            }
        }

        private func checkBody(_ body: String, _ sample: Sample) {
            let head = "{\"event\":\"\(sample.type)\",\"timestamp\":\""
            let tail = "\",\"tenantId\":\"acme\",\"data\":\(sample.data)}"
            #expect(body.utf8.starts(with: head.utf8))
            let between = String(
                decoding: body.utf8.dropFirst(head.utf8.count).dropLast(tail.utf8.count), as: UTF8.self)
            // Strings that look the same may differ in their bytes.
            #expect(Array(body.utf8) == Array("\(head)\(between)\(tail)".utf8))
            if let timestamp = sample.timestamp {
                #expect(between == timestamp)
            } else {
                #expect(between.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
            }
        }

        private func checkHeaders(_ delivery: Receiver.Delivery, version: String, port: Int, begun: Int) {
            let names = delivery.headers.map(\.name).sorted()
            #expect(
                names == [
                    "Content-Length", "Content-Type", "Host", "User-Agent", "X-HiresScope-Signature", "X-Team",
                    "webhook-id", "webhook-signature", "webhook-timestamp", "x-b",
                ])
            #expect(delivery.header("Content-Type") == "application/json")
            #expect(delivery.header("Content-Length") == "\(delivery.body.utf8.count)")
            #expect(delivery.header("Host") == "127.0.0.1:\(port)")
            #expect(delivery.header("User-Agent") == "Hookline/\(version)")
            #expect(delivery.header("X-HiresScope-Signature")?.wholeMatch(of: /[0-9a-f]{64}/) != nil)
            #expect(delivery.header("webhook-signature")?.wholeMatch(of: /v1,[A-Za-z0-9+\/]{43}=/) != nil)
            let timestamp = delivery.header("webhook-timestamp").flatMap { Int($0) } ?? 0
            #expect((begun...begun + 30).contains(timestamp))
            #expect(delivery.header("x-b") == "")
        }

        private func verifyWithLibraries(_ lab: Lab, _ receiver: Receiver, _ secret: String) throws {
            for library in SignatureLibrary.allCases {
                let verdicts = try library.verdicts(lab, on: receiver, secret: secret)
                #expect(verdicts.sorted() == (0..<6).map { "ok sample-\($0)" }, "\(library)")
            }
        }

        @Test func idsOfItsOwnSortByTime() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon()
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                var ids: [String] = []
                for _ in 0..<5 {
                    ids.append(try #require(try daemon.accept(event()).id.string))
                    usleep(3_000)
                }
                #expect(ids.allSatisfy { $0.wholeMatch(of: /evt_[0-9A-Za-z_-]{1,60}/) != nil })
                #expect(ids == ids.sorted())
                #expect(Set(ids).count == 5)
                try eventually("five deliveries") { receiver.count >= 5 }
                #expect(Set(try receiver.deliveries().map(\.id)) == Set(ids))
            }
        }

        @Test func onlyTheTenantsMatchingWebhooksGetAnEvent() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[events]\nextra = [\"invoice.paid\"]")
                let receiver = try lab.receiver()
                let wanted = [
                    "/all": ["*"], "/applications": ["application.*"], "/closed": ["job.closed", "invoice.paid"],
                ]
                for (path, patterns) in wanted { _ = try daemon.webhook(receiver.url(path), events: patterns) }
                _ = try daemon.webhook(receiver.url("/other"), tenant: "other")
                let replies = try daemon.send(
                    ["application.scored", "job.created", "job.closed", "invoice.paid"]
                        .map { event($0, id: $0.replacing(".", with: "-")) }.joined(separator: "\n") + "\n"
                        + event(tenant: "third") + "\n")
                #expect(replies.map(\.webhooks.int) == [2, 1, 2, 2, 0])
                try eventually("seven deliveries") { receiver.count >= 7 }
                func ids(_ path: String) throws -> Set<String> { Set(try receiver.deliveries(path).map(\.id)) }
                #expect(try ids("/all") == ["application-scored", "job-created", "job-closed", "invoice-paid"])
                #expect(try ids("/applications") == ["application-scored"])
                #expect(try ids("/closed") == ["job-closed", "invoice-paid"])
                #expect(try ids("/other").isEmpty)
                #expect(receiver.count == 7)
            }
        }

        @Test func theSignatureHeadersNameIsASetting() throws {
            try Lab.run { lab in
                let daemon = try lab.daemon("[signing]\nheader = \"X-Acme-Signature\"")
                let receiver = try lab.receiver()
                _ = try daemon.webhook(receiver.url())
                try daemon.accept(event())
                try eventually("a delivery") { receiver.count >= 1 }
                let delivery = try #require(try receiver.deliveries().first)
                #expect(delivery.header("X-Acme-Signature")?.wholeMatch(of: /[0-9a-f]{64}/) != nil)
                #expect(delivery.header("X-HiresScope-Signature") == nil)
            }
        }
    }
}
