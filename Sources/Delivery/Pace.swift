package import NIOCore

/// How many of the same are done before the loop sees to everything else. What receivers that hang or fail cost comes in
/// hundreds at a time, as their attempts began and end together; it is not to delay those that work.
package enum Pace {
    package static let pause = TimeAmount.milliseconds(1)

    /// One in a millisecond, and more where that many wait that they would take longer than half a second.
    package static func atOnce(of waiting: Int) -> Int { 1 + waiting / 500 }
}
