import RelayCore
import Storage

/// What has become of deliveries.
extension RelayAdministration {
    /// Bytes of the journal, and time, after which one call reads no further segment.
    private static let bytesPerCall = 64 << 20
    private static let timePerCall: Duration = .seconds(2)

    func deliveries(
        of id: String, tenant: String?, _ query: DeliveryQuery
    ) async throws(AdministrationError) -> DeliveryPage {
        let webhook = try find(id, tenant)
        let isHeldBack = webhook.state != .active || registrar.current.isPaused
        let number = webhook.number
        var bound = UInt64.max
        if case .pending(let below) = query.cursor { bound = below }
        let isPendingMeant = query.status == nil || query.status == .pending
        var pending: DeliveryScheduler.PendingDeliveries?
        if isPendingMeant, query.cursor?.isHistory != true {
            pending = await pump.ask { [bound] in $0.scheduler.pendingDeliveries(of: number, below: bound) }
        }
        let clocks = (wall: Clock.wall(), monotonic: Clock.monotonic())
        let result: Result<DeliveryPage, DiskError>? = await onScanThread { [journal, pending, bound] in
            let deadline = ContinuousClock.now + Self.timePerCall
            let reader = DeliveryReader(
                journal: journal, webhook: webhook, query: query, isHeldBack: isHeldBack, clocks: clocks
            ) {
                $0 >= Self.bytesPerCall || ContinuousClock.now >= deadline
            }
            do throws(DiskError) {
                return .success(try reader.page(pending, below: bound))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let page): return page
        case .failure(let error): throw .storage("the journal can't be read: \(error)")
        case nil: throw .shuttingDown
        }
    }

    func find(_ id: String, _ tenant: String?) throws(AdministrationError) -> Webhook {
        guard let webhook = registrar.current.webhook(id: id), tenant == nil || tenant == webhook.tenant else {
            throw .notFound
        }
        return webhook
    }
}

extension DeliveryCursor {
    fileprivate var isHistory: Bool {
        if case .history = self { true } else { false }
    }
}
