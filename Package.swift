// swift-tools-version: 6.2
// Liên Thông: source databases to Kafka topics to the National Health Database.
// A target is a permission boundary: only `Kafka` reaches librdkafka, only `Postgres` libpq, only `Contracts` simdjson.
import PackageDescription

let package = Package(
    name: "lienthong",
    products: [
        .executable(name: "lienthong", targets: ["lienthong"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        .systemLibrary(name: "CRdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "CSimdjson",
            cxxSettings: [.unsafeFlags(["-O3"], .when(configuration: .release))],
            linkerSettings: [.linkedLibrary("simdjson")]
        ),
        .target(name: "CXXHash"),
        .target(name: "Model"),
        .target(
            name: "Contracts",
            dependencies: ["Model", "CSimdjson", "CXXHash", .product(name: "Yams", package: "Yams")]
        ),
        .target(
            name: "Exports",
            dependencies: ["Model", "Contracts", .product(name: "Mustache", package: "swift-mustache")]
        ),
        .target(
            name: "Checking",
            dependencies: ["Model", "Contracts", "Exports", .product(name: "Mustache", package: "swift-mustache")]
        ),
        .target(name: "Kafka", dependencies: ["Model", "CRdkafka"]),
        .target(name: "Postgres", dependencies: ["Model", "CPostgres"]),
        .target(name: "Provisioning", dependencies: ["Model", "Contracts", "Kafka"]),
        .target(
            name: "Publishing",
            dependencies: [
                "Model", "Contracts", "Kafka", "Postgres",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "Ingestion",
            dependencies: [
                "Model", "Contracts", "Kafka", "Postgres",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(
            name: "DeadLetters",
            dependencies: [
                "Model", "Contracts", "Kafka", "Postgres",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(
            name: "Replay",
            dependencies: [
                "Model", "Contracts", "Kafka", "Postgres", "Ingestion",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(name: "Lag", dependencies: ["Model", "Kafka", "Postgres"]),
        .executableTarget(
            name: "lienthong",
            dependencies: [
                "Model", "Contracts", "Kafka", "Postgres", "Publishing", "Ingestion", "DeadLetters", "Replay", "Lag",
                "Exports", "Checking", "Provisioning",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "TestSupport",
            dependencies: [
                "HistoryChecker", "Contracts", "Kafka", "Postgres", "Ingestion", "Model",
                .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/TestSupport"),
        .target(name: "HistoryChecker", dependencies: ["Model"], path: "Tests/HistoryChecker"),
        .executableTarget(
            name: "faulty-worker",
            dependencies: [
                "Ingestion", "DeadLetters", "Contracts", "Kafka", "Postgres", "Model",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/FaultyWorker"
        ),
        .testTarget(name: "ModelTests", dependencies: ["Model"]),
        .testTarget(name: "HistoryCheckerTests", dependencies: ["HistoryChecker", "Model"]),
        .testTarget(name: "ContractsTests", dependencies: ["Contracts", "Model"]),
        .testTarget(
            name: "ExportsTests", dependencies: ["TestSupport", "Exports", "Contracts", "Model"],
            exclude: ["referee.py"]),
        .testTarget(name: "CheckingTests", dependencies: ["Checking", "Exports", "Contracts", "Model"]),
        .testTarget(
            name: "RefereeTests", dependencies: ["TestSupport", "Contracts", "Model"], exclude: ["numbers.py"]),
        .testTarget(
            name: "ProvisioningTests", dependencies: ["TestSupport", "Provisioning", "Contracts", "Kafka", "Model"]),
        .testTarget(name: "KafkaTests", dependencies: ["Kafka", "Model"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "Model"]),
        .testTarget(name: "PublishingTests", dependencies: ["Publishing", "Contracts", "Kafka", "Postgres", "Model"]),
        .testTarget(
            name: "IngestionTests",
            dependencies: [
                "TestSupport", "HistoryChecker", "Ingestion", "Contracts", "Kafka", "Postgres", "Model",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "DeadLettersTests",
            dependencies: [
                "TestSupport", "DeadLetters", "Contracts", "Kafka", "Postgres", "Model",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "ReplayTests",
            dependencies: [
                "TestSupport", "HistoryChecker", "Replay", "Ingestion", "Contracts", "Kafka", "Postgres", "Model",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(name: "LagTests", dependencies: ["Lag", "Kafka", "Postgres", "Model"]),
        .testTarget(
            name: "LienthongTests",
            dependencies: [
                "lienthong", "Contracts", "Kafka", "Postgres", "Model", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "TestSupport", "HistoryChecker", "Contracts", "DeadLetters", "Kafka", "Postgres", "Publishing", "Model",
                "lienthong", "faulty-worker",
            ],
            exclude: ["NewFeed"]
        ),
    ],
    cxxLanguageStandard: .cxx17
)

// One loop sets the language rules of every Swift target, so that none can drift from the others.
for target in package.targets where target.type != .system && !["CSimdjson", "CXXHash"].contains(target.name) {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
