/// How long the steps of an attempt took, as far as it came. A step that it did not take has no time: over a kept
/// connection there is only the wait for the answer.
package struct AttemptPhases: Equatable, Sendable {
    /// Looking the name up.
    package var resolve: Duration?
    /// Connecting, to the proxy and through it where there is one.
    package var connect: Duration?
    package var tls: Duration?
    /// From the request's sending to the first byte of the answer.
    package var firstByte: Duration?

    package init() {}
}
