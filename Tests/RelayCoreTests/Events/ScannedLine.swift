import RelayCore

/// A line with what the scanner makes of it.
struct ScannedLine {
    let bytes: [UInt8]
    let result: Result<ScannedEvent, Refusal>
    private let scanner: EventScanner

    init(_ bytes: [UInt8], catalogue: EventCatalogue = EventCatalogue()) {
        var scanner = EventScanner(catalogue: catalogue)
        self.bytes = bytes
        result = bytes.withUnsafeBytes { scanner.scan($0) }
        self.scanner = scanner
    }

    init(_ text: String, catalogue: EventCatalogue = EventCatalogue()) {
        self.init(Array(text.utf8), catalogue: catalogue)
    }

    /// A line with these bytes as a member's value inside `data`.
    static func dataMember(_ value: String) -> ScannedLine {
        ScannedLine(#"{"event":"job.closed","tenantId":"t","data":{"v":"# + value + "}}")
    }

    static func dataMember(_ value: [UInt8]) -> ScannedLine {
        ScannedLine(Array(#"{"event":"job.closed","tenantId":"t","data":{"v":"#.utf8) + value + Array("}}".utf8))
    }

    var event: ScannedEvent? { try? result.get() }

    var refusal: Refusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    var code: RefusalCode? { refusal?.code }
    var message: String? { refusal?.message }

    /// The bytes of `data`, if the line is an event.
    var data: [UInt8]? { event.map { Array(bytes[$0.data]) } }
    var dataText: String? { data.map { String(decoding: $0, as: UTF8.self) } }

    func text(_ part: KeyPath<ScannedEvent, ScannedEvent.Text?>) -> String? {
        guard let text = event?[keyPath: part] else { return nil }
        return bytes.withUnsafeBytes { scanner.string(of: text, in: $0) }
    }
}
