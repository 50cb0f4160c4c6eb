import Hummingbird
import Logging
import RelayCore

/// What every route is called with.
struct APIContext: RequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
        let caller: Caller
    }

    var coreContext: CoreRequestContextStorage
    /// Who calls.
    let caller: Caller

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        caller = source.caller
    }
}
