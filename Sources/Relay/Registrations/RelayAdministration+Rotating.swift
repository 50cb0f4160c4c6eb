import RelayCore

/// Rotation of secrets.
extension RelayAdministration {
    func rotateSecret(
        of id: String, tenant: String?, _ rotation: SecretRotation
    ) async throws(AdministrationError) -> WebhookView {
        await view(try await registrar.rotateSecret(of: id, tenant: tenant, rotation))
    }
}
