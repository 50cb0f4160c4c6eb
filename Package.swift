// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let hashTrees = Target.Dependency.product(name: "HashTreeCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "hookline",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "hookline", targets: ["hookline"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // MARK: C

        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(
            name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CLinuxShims"),
        .target(name: "CChecksum"),

        // MARK: Pure

        .target(name: "RelayCore", dependencies: ["CChecksum", deque, hashTrees, heap], swiftSettings: settings),

        // MARK: Drivers

        .target(name: "Cryptography", dependencies: ["COpenSSL", "RelayCore"], swiftSettings: settings),
        .target(name: "Storage", dependencies: ["RelayCore", "CLinuxShims", logging], swiftSettings: settings),
        .target(
            name: "Ingest", dependencies: ["RelayCore", "CLinuxShims", logging, deque], swiftSettings: settings),
        .target(
            name: "Delivery",
            dependencies: [
                "RelayCore", "Cryptography", "CCares", "CLinuxShims", nioCore, nioPosix, logging, deque,
            ],
            swiftSettings: settings),
        .target(
            name: "AdminAPI",
            dependencies: [
                "RelayCore",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                nioCore, nioPosix, logging,
            ],
            swiftSettings: settings),
        .target(name: "Systemd", dependencies: ["CSystemd", "RelayCore", logging], swiftSettings: settings),

        // MARK: Composition

        .target(
            name: "Relay",
            dependencies: [
                "RelayCore", "Cryptography", "Storage", "Ingest", "Delivery", "AdminAPI", "Systemd", "CLinuxShims",
                .product(name: "TOMLKit", package: "TOMLKit"),
                nioCore, nioPosix, logging, deque,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "hookline",
            dependencies: [
                "RelayCore", "Cryptography", "Relay", "AdminAPI", "Storage", "Systemd",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                nioCore, nioPosix, nioHTTP1, logging, deque,
            ],
            swiftSettings: settings),

        // MARK: Tests

        .testTarget(name: "RelayCoreTests", dependencies: ["RelayCore", "CChecksum"], swiftSettings: settings),
        .testTarget(
            name: "AdminAPITests", dependencies: ["AdminAPI", "RelayCore", nioCore, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(
            name: "StorageTests", dependencies: ["Storage", "RelayCore", "Cryptography", logging],
            swiftSettings: settings),
        .testTarget(
            name: "CryptographyTests", dependencies: ["Cryptography", "RelayCore"], swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["Storage", "RelayCore", "Cryptography", logging],
            swiftSettings: settings),
        .testTarget(name: "IngestTests", dependencies: ["Ingest", "RelayCore", logging], swiftSettings: settings),
        .testTarget(
            name: "DeliveryTests", dependencies: ["Delivery", "RelayCore", "Cryptography", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(name: "SystemdTests", dependencies: ["Systemd", "RelayCore", logging], swiftSettings: settings),
        .testTarget(
            name: "RelayTests", dependencies: ["Relay", "RelayCore", "Storage", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "HooklineTests", dependencies: ["hookline", "AdminAPI", "RelayCore"], swiftSettings: settings),
        // Not shipped: its instructions are counted, so that what an event costs does not grow unseen.
        .executableTarget(
            name: "hookline-costs", dependencies: ["RelayCore", "Cryptography"], path: "Tests/Costs",
            swiftSettings: settings),
        .testTarget(name: "EndToEndTests", dependencies: [], exclude: ["receivers"], swiftSettings: settings),
    ]
)
