/// A request that is done once, however often it is sent: one with an `Idempotency-Key`.
package struct IdempotentRequest: Equatable, Sendable {
    /// Who asks: keys of different callers have nothing to do with each other.
    package let credential: String
    /// Method and path.
    package let route: String
    /// 1 to 255 visible characters, as the caller chose them.
    package let key: String
    /// Query and body, by which another request with the same key is known.
    package let contents: [UInt8]

    package init(credential: String, route: String, key: String, contents: [UInt8]) {
        self.credential = credential
        self.route = route
        self.key = key
        self.contents = contents
    }
}

/// An answer as it can be given once more.
package struct KeptAnswer: Equatable, Sendable, Codable {
    package let status: Int
    package let contentType: String?
    package let location: String?
    /// Holds a secret, where one was made.
    package let body: [UInt8]

    package init(status: Int, contentType: String?, location: String?, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.location = location
        self.body = body
    }
}

/// Keeps answers for a while, over a restart.
package protocol AnswerStore: Sendable {
    /// Looks a request up. Whoever is told that it is new has to end it with ``finish(_:_:holdsKey:)``.
    func begin(_ request: IdempotentRequest) async -> IdempotencyVerdict
    /// Keeps a new request's answer, on disk when it returns; nil: the request may be tried again.
    ///
    /// - Parameter holdsKey: it has an API key in it, which is never written down as it is.
    func finish(_ request: IdempotentRequest, _ answer: KeptAnswer?, holdsKey: Bool) async
}

package enum IdempotencyVerdict: Equatable, Sendable {
    case new
    /// It was answered before.
    case known(KeptAnswer)
    /// The same key came with other contents.
    case different
    /// The first one is not answered yet.
    case inProgress
}
