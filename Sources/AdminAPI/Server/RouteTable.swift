import HTTPTypes
import Hummingbird
import RelayCore

/// The API's routes, and what is said where there is none.
struct RouteTable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    /// Who may call a route. For others there is nothing at its path.
    enum Access: Sendable {
        /// Everybody, without a key.
        case everybody
        /// Administrators, and tenants' keys: the handler shows these what is the tenant's alone.
        case tenants
        case administrators

        func admits(_ caller: Caller) -> Bool {
            switch self {
            case .everybody: true
            case .tenants: caller.reach != .nothing
            case .administrators: caller.isAdministrator
            }
        }
    }

    struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let access: Access
        let handler: Handler
    }

    private(set) var routes: [Route] = []

    /// - Parameter path: segments after a slash each; one in braces stands for any text and is a parameter.
    /// - Parameter access: a route whose handler does not say that it knows of tenants is not for them.
    mutating func add(
        _ method: HTTPRequest.Method, _ path: String, for access: Access = .administrators,
        _ handler: @escaping Handler
    ) {
        routes.append(Route(method: method, path: path, access: access, handler: handler))
    }

    /// Method and path of each.
    var list: [(method: String, path: String)] { routes.map { ($0.method.rawValue, $0.path) } }

    /// Paths that need no key.
    var openPaths: Set<String> { Set(routes.filter { $0.access == .everybody }.map(\.path)) }

    func responder() -> RouterResponder<APIContext> {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(routes: routes))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                guard route.access.admits(context.caller) else { throw HTTPError(.notFound) }
                return try await route.handler(request, context)
            }
        }
        return router.buildResponder()
    }
}

/// Makes errors into `application/problem+json`, those of the router too.
private struct ProblemMiddleware: RouterMiddleware {
    /// Paths in their segments, with who may call what there.
    private let paths: [(path: [Substring], methods: [(name: String, access: RouteTable.Access)])]

    init(routes: [RouteTable.Route]) {
        paths = Dictionary(grouping: routes, by: \.path).map { path, routes in
            let methods = routes.map { ($0.method.rawValue, $0.access) }
            return (path.split(separator: "/"), methods + methods.filter { $0.0 == "GET" }.map { ("HEAD", $0.1) })
        }
    }

    @concurrent
    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError where error.status == .notFound {
            return unknown(request, context.caller).response
        }
    }

    /// No route for the caller: a path that exists with other methods, or none at all.
    private func unknown(_ request: Request, _ caller: Caller) -> Problem {
        let segments = request.uri.path.split(separator: "/")
        let found = paths.first { route in
            route.path.count == segments.count
                && zip(route.path, segments).allSatisfy { $0.first == "{" || $0 == $1 }
        }
        let methods = (found?.methods ?? []).filter { $0.access.admits(caller) }.map(\.name).sorted()
        guard !methods.isEmpty else {
            return Problem(.notFound, detail: "There is nothing at \(request.uri.path).")
        }
        let allowed = methods.joined(separator: ", ")
        var problem = Problem(
            .methodNotAllowed, detail: "\(request.method.rawValue) is not possible here, but \(allowed) are.")
        problem.headers[.allow] = allowed
        return problem
    }
}
