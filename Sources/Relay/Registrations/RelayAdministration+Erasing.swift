import RelayCore
import Storage

/// Erasing, and the tasks that do it.
extension RelayAdministration {
    func eraseEvent(id: String, tenant: String?) async throws(AdministrationError) -> JournalTask {
        let places = try await places(ofEvent: id, tenant: tenant)
        return try await journalTasks.add(
            .eraseEvent(
                JournalTask.EraseEvent(tenant: places.tenant, id: id, sequences: places.sequences)))
    }

    func eraseEvents(ofTenant tenant: String) async throws(AdministrationError) -> JournalTask {
        // Whatever was acknowledged before this call has come by there.
        let last = await pump.ask { $0.scheduler.seen }
        return try await journalTasks.add(.eraseTenant(JournalTask.EraseTenant(tenant: tenant, through: last)))
    }

    func task(_ number: UInt64, tenant: String?) async throws(AdministrationError) -> TaskState {
        guard let state = await journalTasks.state(of: number) else { throw .noTask }
        guard let tenant else { return state }
        // Nobody knows any more whose a forgotten one was.
        guard case .known(let task) = state, task.tenant == tenant else { throw .noTask }
        return state
    }

    func tasks(tenant: String?) async -> [JournalTask] {
        await journalTasks.all.filter { tenant == nil || $0.tenant == tenant }
    }

    /// The events of one tenant that had an id, newest first.
    func places(
        ofEvent id: String, tenant: String?
    ) async throws(AdministrationError) -> (tenant: String, sequences: [UInt64]) {
        guard Identifier.isValid(id) else { throw .noEvent }
        let found: Result<[Journal.FoundEvent], DiskError>? = await onScanThread { [journal] in
            do throws(DiskError) {
                return .success(try journal.events(withID: id, tenant: tenant))
            } catch {
                return .failure(error)
            }
        }
        switch found {
        case nil: throw .shuttingDown
        case .failure(let error): throw .storage("the journal can't be read: \(error)")
        case .success(let events):
            let tenants = Set(events.map(\.tenant))
            guard tenants.count <= 1 else { throw .ambiguous(tenants: tenants.sorted()) }
            guard let tenant = tenants.first else { throw .noEvent }
            return (tenant, events.map(\.sequence))
        }
    }
}
