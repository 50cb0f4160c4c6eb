import Foundation

/// Who judges a delivery's signature: published libraries in Python, and Node.js's cryptography after the specification's
/// text. Each one also has to refuse the delivery with its body, timestamp or id changed.
enum SignatureLibrary: String, CaseIterable {
    case standardwebhooks
    case svix
    case node

    /// "ok ID" or what is wrong, for everything that a receiver has got.
    func verdicts(_ lab: Lab, on receiver: Receiver, secret: String) throws -> [String] {
        let command =
            switch self {
            case .node: ["node", Package.receiver("verify.js"), secret]
            case .standardwebhooks, .svix: [Package.python, Package.receiver("verify.py"), rawValue, secret]
            }
        let child = try lab.run(command, input: .bytes(contents(receiver.logPath)))
        guard child.end == .exited(0) else { throw Unmet("\(self): \(child.errors)") }
        return child.output.split(separator: "\n").map(String.init)
    }
}
