// swift-tools-version: 6.2
import PackageDescription

// The fuzz targets with libFuzzer and AddressSanitizer, apart from the ordinary build. Use scripts/fuzz, which names the
// folder of the toolchain's runtimes in FUZZER_RUNTIME. `RPC` and all below it are built whole; of region and agent only
// the folders that read configurations, without their databases and networks.

let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // `fuzzer` counts edges and comparisons; assertions are checks that a release does without.
  .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-assert-config", "Debug"]),
]
let clang: [CSetting] = [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, also settings: [SwiftSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: house + settings)
}

let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "fuzzer",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
    .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .target(name: "CRPCProto", dependencies: ["CProtobufC"], cSettings: clang),
    .target(name: "CMusterProto", dependencies: ["CProtobufC", "CRPCProto"], cSettings: clang),
    .target(name: "CTestProto", dependencies: ["CProtobufC", "CRPCProto"], path: "CTestProto", cSettings: clang),
    library("Provisioning"),
    library("HTTP2", ["CNghttp2"]),
    library("RPC", ["HTTP2", "CProtobufC", "CRPCProto", "CZlib"]),
    // Thousands of generated lines: optimising them with counters in every branch takes longer than fuzzing them.
    library(
      "Wire", ["CMusterProto", "CProtobufC", "CRPCProto", "Provisioning", "RPC"], also: [.unsafeFlags(["-Onone"])]),
    library("Settings", ["Provisioning", configuration, yaml]),
    library("Region", ["Provisioning", "Settings", "RPC"], path: "Region"),
    library("Pserv", ["Provisioning", "Settings"], path: "Pserv"),
    .target(name: "CLibFuzzer", path: "CLibFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: ["CLibFuzzer", "CProtobufC", "CRPCProto", "CTestProto", "HTTP2", "RPC", "Wire", "Region", "Pserv", "Settings"],
      path: "Fuzz",
      swiftSettings: house,
      linkerSettings: [
        // Debian's gold cannot read the debug information of the sanitizers' runtimes.
        .unsafeFlags([
          "-sanitize=address", "-use-ld=lld", "-L\(Context.environment["FUZZER_RUNTIME"] ?? ".")",
          "-lclang_rt.fuzzer_no_main-x86_64", "-lstdc++",
        ])
      ]),
  ]
)
