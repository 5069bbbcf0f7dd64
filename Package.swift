// swift-tools-version:6.2

import Foundation
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let lifecycleSignals: Target.Dependency = .product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

/// ncurses is linked in where its static library is installed, so that the programs run where it
/// is not; else it is looked for at run time.
let ncurses: [LinkerSetting] = {
    let folders = [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
    ]
    let isStatic = folders.contains { folder in
        ["libncursesw.a", "libtinfo.a"].allSatisfy {
            FileManager.default.fileExists(atPath: folder + "/" + $0)
        }
    }
    return isStatic
        ? [.linkedLibrary(":libncursesw.a"), .linkedLibrary(":libtinfo.a")]
        : [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]
}()

let package = Package(
    name: "highwater",
    products: [
        .executable(name: "memagent", targets: ["memagent"]),
        .executable(name: "memcollector", targets: ["memcollector"]),
        .executable(name: "memfleet", targets: ["memfleet"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The nouns: what a run, a peak, a snapshot and a ledger are.
        .target(name: "MemoryModel", swiftSettings: settings),

        // Everything that reads a kernel.
        .target(name: "CLinux"),
        .target(
            name: "ProcessSampler", dependencies: ["MemoryModel", "CLinux"],
            swiftSettings: settings),

        // The Python frames of another process.
        .target(
            name: "PythonStacks", dependencies: ["CLinux", "MemoryModel", "ProcessSampler"],
            swiftSettings: settings),

        // Frames to bytes and back; both session state machines.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Wire", dependencies: ["MemoryModel", "CZlib"], swiftSettings: settings),

        // Queries, rows and the text made of them.
        .target(name: "Report", dependencies: ["MemoryModel"], swiftSettings: settings),

        // Live screens, and the terminal that they are shown in.
        .target(name: "CNcurses", linkerSettings: ncurses),
        .target(name: "Terminal", dependencies: ["CNcurses", "Report"], swiftSettings: settings),

        // What the collector keeps, and where.
        .target(
            name: "PeakStore", dependencies: ["MemoryModel", "Report"], swiftSettings: settings),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "CZlib", "MemoryModel", "PeakStore", "Report",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),

        // How a command line becomes an exit status.
        .target(
            name: "CommandLineProgram", dependencies: ["LogOutput", argumentParser, logging],
            swiftSettings: settings),

        // Log lines as text or JSON.
        .target(
            name: "LogOutput", dependencies: ["CLinux", "MemoryModel", "Report", logging],
            swiftSettings: settings),

        // The two programs' insides.
        .target(
            name: "Agent",
            dependencies: [
                "MemoryModel", "ProcessSampler", "PythonStacks", "Wire", nioCore, nioPosix, logging,
                lifecycle,
            ],
            swiftSettings: settings),
        .target(
            name: "Collector",
            dependencies: [
                "CLinux", "MemoryModel", "Wire", "PeakStore", "SQLiteStore", "Report",
                nioCore, nioPosix, logging, lifecycle,
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: settings),
        .target(
            name: "CollectorClient",
            dependencies: [
                nioCore, nioPosix,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),

        // The programs: argument parsing and nothing else.
        .executableTarget(
            name: "memagent",
            dependencies: [
                "Agent", "CommandLineProgram", "MemoryModel", "ProcessSampler", "PythonStacks",
                "Report", "Terminal", argumentParser, logging, lifecycle, lifecycleSignals,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "memcollector",
            dependencies: [
                "CLinux", "Collector", "CollectorClient", "CommandLineProgram", "MemoryModel",
                "Report", "Terminal", argumentParser, logging, lifecycle, lifecycleSignals,
            ],
            swiftSettings: settings),

        // A simulated fleet, to measure a collector with.
        .executableTarget(
            name: "memfleet",
            dependencies: [
                "Agent", "CommandLineProgram", "MemoryModel", "Wire", argumentParser, logging,
                lifecycle, lifecycleSignals, nioCore, nioPosix,
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ],
            swiftSettings: settings),

        // The test kit and the tests.
        .target(
            name: "TestSupport", dependencies: ["MemoryModel", "PeakStore", "Report", "Wire"],
            path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "TidyTests", swiftSettings: settings),
        .testTarget(
            name: "ProcessSamplerTests",
            dependencies: ["MemoryModel", "ProcessSampler", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PythonStacksTests",
            dependencies: ["MemoryModel", "ProcessSampler", "PythonStacks", "TestSupport"],
            exclude: ["Layout", "Programs"], swiftSettings: settings),
        .testTarget(
            name: "ReportTests", dependencies: ["MemoryModel", "Report", "TestSupport"],
            exclude: ["Snapshots"], swiftSettings: settings),
        // Commits batches and says so, for tests that kill it.
        .executableTarget(
            name: "StoreCrashChild",
            dependencies: ["MemoryModel", "PeakStore", "Report", "SQLiteStore"],
            path: "Tests/StoreCrashChild", swiftSettings: settings),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "MemoryModel", "PeakStore", "Report", "SQLiteStore", "StoreCrashChild",
                "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "TerminalTests", dependencies: ["Report", "Terminal", "TestSupport"],
            exclude: ["Snapshots"], swiftSettings: settings),
        .testTarget(
            name: "WireTests", dependencies: ["Wire", "MemoryModel", "CZlib", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Collector", "MemoryModel", "PeakStore", "ProcessSampler", "PythonStacks",
                "TestSupport", "Wire", nioCore, nioPosix, logging, lifecycle,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CollectorTests",
            dependencies: [
                "Collector", "MemoryModel", "PeakStore", "Report", "SQLiteStore", "TestSupport",
                "Wire", nioCore, logging,
                nioPosix,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "MemoryModel", "ProcessSampler", "TestSupport", "Wire", "memagent", "memcollector",
                "memfleet",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Namespaces/link.py", "Screens", "Storm"], swiftSettings: settings),
        .testTarget(
            name: "MemoryModelTests", dependencies: ["MemoryModel", "TestSupport"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
