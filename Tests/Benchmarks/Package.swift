// swift-tools-version: 6.2
// What the product costs beside PostgreSQL alone. Its folders are the product's own, so that `package` reaches them;
// it is a package of its own so that neither a build nor a test of the product waits for it.
import PackageDescription

let package = Package(
    name: "lienthong-benchmarks",
    dependencies: [.package(url: "https://github.com/jpsim/Yams", from: "6.2.2")],
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
        .target(name: "Kafka", dependencies: ["Model", "CRdkafka"]),
        .target(name: "Postgres", dependencies: ["Model", "CPostgres"]),
        .executableTarget(name: "benchmark", dependencies: ["Model", "Contracts", "Kafka", "Postgres"]),
    ],
    cxxLanguageStandard: .cxx17
)

for target in package.targets where target.type != .system && !["CSimdjson", "CXXHash"].contains(target.name) {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
