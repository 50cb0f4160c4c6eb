import HTTPTypes
import Hummingbird

/// The API's routes, and what is said where there is none.
struct RouteTable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    private struct Route {
        let method: HTTPRequest.Method
        let path: String
        let handler: Handler
    }

    private var routes: [Route] = []

    /// - Parameter path: segments after a slash each; one in braces stands for any text and is a parameter.
    mutating func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path, handler: handler))
    }

    func responder() -> RouterResponder<APIContext> {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(methods: methods))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method, use: route.handler)
        }
        return router.buildResponder()
    }

    /// The methods of each path, for the `Allow` header field.
    private var methods: [(path: [Substring], methods: [String])] {
        Dictionary(grouping: routes, by: \.path).map { path, routes in
            let names = routes.map(\.method.rawValue)
            return (path.split(separator: "/"), (names + (names.contains("GET") ? ["HEAD"] : [])).sorted())
        }
    }
}

/// Makes errors into `application/problem+json`, those of the router too.
private struct ProblemMiddleware: RouterMiddleware {
    let methods: [(path: [Substring], methods: [String])]

    @concurrent
    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError where error.status == .notFound {
            return unknown(request).response
        }
    }

    /// No route: a path that exists with other methods, or none at all.
    private func unknown(_ request: Request) -> Problem {
        let segments = request.uri.path.split(separator: "/")
        let found = methods.first { route in
            route.path.count == segments.count
                && zip(route.path, segments).allSatisfy { $0.first == "{" || $0 == $1 }
        }
        guard let found else {
            return Problem(.notFound, detail: "There is nothing at \(request.uri.path).")
        }
        let allowed = found.methods.joined(separator: ", ")
        var problem = Problem(
            .methodNotAllowed, detail: "\(request.method.rawValue) is not possible here, but \(allowed) are.")
        problem.headers[.allow] = allowed
        return problem
    }
}
