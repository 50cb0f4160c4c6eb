import Cryptography
import Foundation
import RelayCore
import Storage
import Testing

/// From the plain under a key, from one key to another, and back.
@Suite("Sealing a state")
struct StateSealingTests {
    @Test("a plain state is sealed once, and no file has a secret afterwards")
    func seals() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            try sealed.fill()
            let outcome = try #require(try sealed.sealing().sealIfNeeded(coding))
            #expect(outcome == .init(webhooks: 4, segments: 3, scrubbed: 4))
            #expect(try sealed.leaks() == [])
            #expect(try sealed.snapshot().seal() == .init(keyID: coding.keyID, scrubFrom: 0))
            let found = try sealed.start(coding)
            #expect(try found.webhooks == SealedState.all())
            #expect(found.events == [1, 2, 3, 4, 5, 6] && found.damage.isEmpty)
            #expect(try sealed.state.inspect().findings.isEmpty)
            #expect(throws: KeyRefusal.self) { try sealed.start(.plain) }
            let stamps = try sealed.state.stamps()
            #expect(try sealed.sealing().sealIfNeeded(coding) == nil)
            #expect(try sealed.state.stamps() == stamps)
        }
    }

    @Test("nothing is made of an empty state, and a journal without a snapshot is sealed")
    func withoutSnapshot() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            #expect(try sealed.sealing().sealIfNeeded(coding) == nil)
            #expect(try sealed.state.names() == [])
            let run = try sealed.state.open()
            try run.append(SealedState.change(1), .plain)
            run.close()
            #expect(try sealed.sealing().sealIfNeeded(coding)?.scrubbed == 1)
            #expect(try sealed.leaks() == [])
            #expect(try sealed.start(coding).webhooks == [SealedState.webhook(1)])
        }
    }

    @Test("what stands behind the end, in unfinished files and in damage goes too, and damage is still damage")
    func leftOvers() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            try sealed.fill()
            let segments = try sealed.state.segments
            let secret = Array("xxxxHEADERTOKENx".utf8)
            // Of the last record of the first segment, a webhook's, nobody knows what it is.
            try sealed.state.change(segments[0]) { bytes in
                guard let place = Data(bytes).range(of: Data("PATHTOKEN-2".utf8)) else { return }
                bytes[place.lowerBound] ^= 1
            }
            try sealed.state.change(segments[2]) { $0 += [UInt8](repeating: 0, count: 4096) + secret }
            for path in ["\(segments[1]).new", "\(sealed.snapshot().path).new"] {
                try Data(secret).write(to: URL(fileURLWithPath: path))
            }
            let before = try sealed.start(.plain)
            #expect(before.damage.contains { if case .bytes = $0 { true } else { false } })
            try Data(secret).write(to: URL(fileURLWithPath: "\(segments[1]).new"))
            try sealed.sealing().change(from: coding, to: coding)
            #expect(try sealed.leaks() == [])
            let after = try sealed.start(coding)
            #expect(after.webhooks == before.webhooks && after.events == before.events)
            #expect(after.damage.count { if case .bytes = $0 { true } else { false } } == 1)
        }
    }

    @Test("removals and pauses hold no secret and stay as they are")
    func others() throws {
        try SealedState.run { sealed in
            let run = try sealed.state.open()
            try run.append(SealedState.change(1), .plain)
            run.append(RegistrationChange(revision: 2, kind: .setPaused(true)))
            run.append(RegistrationChange(revision: 3, kind: .remove(1)))
            run.close()
            let coding = try SealedState.coding(1)
            #expect(try sealed.sealing().sealIfNeeded(coding)?.scrubbed == 1)
            let table = try #require(try sealed.snapshot(coding).read(catalogue: SealedState.catalogue))
            #expect(table.revision == 3 && table.isPaused && table.isEmpty)
            let (_, findings) = try sealed.state.inspect()
            #expect(findings.isEmpty)
        }
    }

    @Test("another key, and back into the plain")
    func changes() throws {
        try SealedState.run { sealed in
            let (old, new) = (try SealedState.coding(1), try SealedState.coding(2))
            try sealed.fill(old)
            #expect(throws: KeyRefusal.self) { try sealed.sealing().change(from: new, to: old) }
            #expect(throws: KeyRefusal.self) { try sealed.sealing().change(from: .plain, to: new) }
            #expect(try sealed.start(old).webhooks == SealedState.all())
            #expect(try sealed.sealing().change(from: old, to: new).scrubbed == 4)
            #expect(throws: KeyRefusal.self) { try sealed.start(old) }
            #expect(try sealed.start(new).webhooks == SealedState.all())
            let id = Data(try #require(old.keyID).utf8)
            for name in try FileManager.default.subpathsOfDirectory(atPath: sealed.state.path) {
                let contents = FileManager.default.contents(atPath: "\(sealed.state.path)/\(name)")
                #expect(contents?.range(of: id) == nil, "\(name) has something of the old key")
            }
            try sealed.sealing().change(from: new, to: .plain)
            #expect(try sealed.snapshot().seal() == .init())
            #expect(try sealed.start(.plain).webhooks == SealedState.all())
        }
    }

    @Test(
        "cut short at any call, one of the two keys opens the state, and doing it again finishes it",
        arguments: [
            (nil, 1), (1, 2), (1, nil),
        ] as [(UInt8?, UInt8?)])
    func cutShort(from: UInt8?, to: UInt8?) throws {
        let (old, new) = (try SealedState.coding(from), try SealedState.coding(to))
        var call = 1
        var switched: Set<Bool> = []
        while true {
            let disk = FaultyDisk()
            try SealedState.run { sealed in
                try sealed.fill(old)
                disk.fail(Set(FaultyDisk.Call.allCases), code: EIO, at: call)
                // Whether it throws or not is seen by what it leaves.
                _ = try? sealed.sealing(disk).change(from: old, to: new)
                let seal = try sealed.snapshot().seal()
                let isSwitched = seal?.keyID == new.keyID
                switched.insert(isSwitched)
                let found = try sealed.start(isSwitched ? new : old)
                #expect(try found.webhooks == SealedState.all(), "call \(call)")
                #expect(found.events == [1, 2, 3, 4, 5, 6], "call \(call)")
                // With a key what is plain opens as well; what is sealed does not without its own.
                if (isSwitched ? to : from) != nil {
                    #expect(throws: KeyRefusal.self, "call \(call)") { try sealed.start(isSwitched ? old : new) }
                }
                if isSwitched, to != nil {
                    _ = try sealed.sealing().sealIfNeeded(new)
                } else {
                    try sealed.sealing().change(from: isSwitched ? new : old, to: new)
                }
                let finished = try sealed.start(new)
                #expect(try finished.webhooks == SealedState.all(), "call \(call)")
                #expect(finished.events == [1, 2, 3, 4, 5, 6], "call \(call)")
                #expect(finished.damage.isEmpty, "call \(call)")
                #expect(try sealed.snapshot().seal() == .init(keyID: new.keyID, scrubFrom: 0), "call \(call)")
                if to != nil { #expect(try sealed.leaks() == [], "call \(call)") }
            }
            guard disk.hasFailed else { break }
            call += 1
        }
        #expect(call > 10 && switched == [true, false])
    }

    @Test("it goes on where it was cut short")
    func continued() throws {
        try SealedState.run { sealed in
            let coding = try SealedState.coding(1)
            try sealed.fill()
            var snapshot = sealed.snapshot(coding)
            snapshot.scrubFrom = 3
            try snapshot.write(
                RegistrationTable(catalogue: SealedState.catalogue, webhooks: SealedState.all(), revision: 4))
            #expect(try sealed.sealing().sealIfNeeded(coding) == .init(webhooks: 4, segments: 1, scrubbed: 1))
            #expect(try sealed.snapshot().seal()?.scrubFrom == 0)
        }
    }

    @Test("a state under another key is left alone")
    func foreignKey() throws {
        try SealedState.run { sealed in
            try sealed.fill(try SealedState.coding(1))
            let stamps = try sealed.state.stamps()
            #expect(try sealed.sealing().sealIfNeeded(try SealedState.coding(2)) == nil)
            #expect(try sealed.state.stamps() == stamps)
        }
    }
}
