import Hummingbird
import NIOCore
import RelayCore

/// `/metrics`, for Prometheus.
struct MetricsRoutes: Sendable {
    let administration: any Administration

    func add(to routes: inout RouteTable) {
        routes.add(.get, "/metrics", for: .everybody) { [administration] _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(
                    byteBuffer: ByteBuffer(bytes: MetricsText.bytes(await administration.metrics()))))
        }
    }
}
