import Testing

@testable import AdminAPI

@Suite struct ConnectionQueueTests {
    @Test func inOrder() async {
        let queue = ConnectionQueue<Int>()
        for number in 1...3 {
            #expect(queue.reserve())
            queue.fill(number)
        }
        queue.close()
        var seen: [Int] = []
        while let number = await queue.next() { seen.append(number) }
        #expect(seen == [1, 2, 3])
        #expect(queue.reserve() == false)
    }

    @Test func theEndWaitsForReservedPlaces() async {
        let queue = ConnectionQueue<Int>()
        #expect(queue.reserve())
        #expect(queue.reserve())
        queue.close()
        async let first = queue.next()
        queue.fill(nil)
        queue.fill(7)
        #expect(await first == 7)
        #expect(await queue.next() == nil)
    }

    @Test func cancellationTakesNothingAway() async {
        let queue = ConnectionQueue<Int>()
        #expect(queue.reserve())
        await withTaskGroup(of: Int?.self) { group in
            group.addTask { await queue.next() }
            group.cancelAll()
            queue.fill(5)
            let found = await group.next()
            #expect(found == 5)
        }
    }
}
