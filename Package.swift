// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is compiled by the same rules; warnings are errors.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func product(_ name: String, _ package: String) -> Target.Dependency {
  .product(name: name, package: package)
}

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: house)
}

let log = product("Logging", "swift-log")
let metrics = product("Metrics", "swift-metrics")
let coreMetrics = product("CoreMetrics", "swift-metrics")
let grdb = product("GRDB", "GRDB.swift")
let sqlite = product("GRDBSQLite", "GRDB.swift")
let arguments = product("ArgumentParser", "swift-argument-parser")
let configuration = product("Configuration", "swift-configuration")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let signals = product("UnixSignals", "swift-service-lifecycle")
let crypto = product("Crypto", "swift-crypto")
let yaml = product("Yams", "Yams")
let hummingbird = product("Hummingbird", "hummingbird")
let hummingbirdCore = product("HummingbirdCore", "hummingbird")
let httpTypes = product("HTTPTypes", "swift-http-types")
let histogram = product("Histogram", "hdrhistogram-swift")
let nioEmbedded = product("NIOEmbedded", "swift-nio")
let nio: [Target.Dependency] = [
  product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"), product("NIOTLS", "swift-nio"),
  product("NIOSSL", "swift-nio-ssl"),
]

let package = Package(
  name: "muster",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "muster", targets: ["muster"]),
    .executable(name: "muster-region", targets: ["muster-region"]),
    .executable(name: "muster-pserv", targets: ["muster-pserv"]),
    .executable(name: "muster-load", targets: ["muster-load"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(
      url: "https://github.com/apple/swift-configuration", exact: "1.4.0",
      traits: [.defaults, "YAML"]),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // Level 0: C. Generated messages, system libraries, and the parts of Linux that Swift's Glibc lacks.
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CRPCProto", dependencies: ["CProtobufC"]),
    .target(name: "CMusterProto", dependencies: ["CProtobufC", "CRPCProto"]),
    .target(name: "CLinux"),

    // Level 1: values and rules; HTTP/2 without input or output; what operators configure.
    library("Provisioning"),
    library("HTTP2", ["CNghttp2"]),
    library("Settings", ["Provisioning", configuration, yaml]),
    library("MetricsText", [coreMetrics]),

    // Level 2: gRPC without sockets; the store.
    library("RPC", ["HTTP2", "CProtobufC", "CRPCProto", "CZlib"]),
    library("Store", ["Provisioning", grdb, sqlite]),

    // Level 3: sockets and TLS; the contract as Swift values.
    library("RPCTransport", ["RPC", "HTTP2", log, metrics] + nio),
    library("Wire", ["CMusterProto", "CProtobufC", "CRPCProto", "Provisioning", "RPC"]),

    // Level 4: the components.
    library("Region", ["Store", "Settings", "Wire", "RPC", "Provisioning", crypto, log, metrics]),
    library("Pserv", ["CLinux", "Settings", "Wire", "RPC", "Provisioning", crypto, grdb, log, metrics]),
    library("PservHTTP", ["Pserv", "Provisioning", hummingbird, hummingbirdCore, httpTypes, lifecycle, crypto, log] + nio),
    library("OperatorCLI", ["Wire", "Provisioning", "RPC", "RPCTransport", arguments, yaml, log] + nio),
    library("LoadHarness", ["Wire", "RPC", histogram]),
    library("ServiceProgram", ["Settings", "MetricsText", arguments, lifecycle, log, metrics] + nio),

    // Level 5: the whole cluster on one thread, and the programs.
    library("Simulation", ["Region", "Pserv", "Store", "Wire", "RPC", "HTTP2", "Provisioning", log]),
    program(
      "muster-region", ["Region", "Store", "Provisioning", "RPC", "RPCTransport", "ServiceProgram", "Settings", arguments, lifecycle, signals, log]),
    program(
      "muster-pserv", ["Pserv", "PservHTTP", "Provisioning", "RPC", "RPCTransport", "ServiceProgram", "Settings", arguments, lifecycle, signals, log]),
    program("muster", ["OperatorCLI"]),
    program("muster-load", ["LoadHarness", "RPC", "RPCTransport", arguments, log] + nio),
    program("rpc-echo", ["RPC", "RPCTransport", "MetricsText", coreMetrics, signals, log] + nio),

    // Tests. CTestProto and CForeignProto hold messages that only they use.
    .target(name: "CTestProto", dependencies: ["CProtobufC", "CRPCProto"], path: "Tests/CTestProto"),
    .target(name: "CForeignProto", dependencies: ["CProtobufC", "CRPCProto"], path: "Tests/CForeignProto"),
    tests("ProvisioningTests", ["Provisioning"]),
    tests("HTTP2Tests", ["HTTP2", "CNghttp2"]),
    tests("SettingsTests", ["Settings", "Provisioning"]),
    tests("MetricsTextTests", ["MetricsText", coreMetrics]),
    tests("ServiceProgramTests", ["ServiceProgram", "MetricsText", "Settings", coreMetrics, log] + nio),
    tests("RPCMessageTests", ["RPC", "Wire", "CProtobufC", "CRPCProto", "CTestProto"], exclude: ["Protos", "Python"]),
    tests("RPCTests", ["RPC", "HTTP2"]),
    tests(
      "RPCTransportTests", ["RPC", "RPCTransport", "HTTP2", "CProtobufC", "CRPCProto", "CForeignProto", log, nioEmbedded] + nio,
      exclude: ["Foreign", "Protos"]),
    tests(
      "FuzzTests", ["HTTP2", "RPC", "Wire", "Region", "Pserv", "Settings", "CProtobufC", "CRPCProto", "CTestProto"],
      exclude: ["Corpus", "Fuzzer", "seeds.py"]),
    tests("StoreTests", ["Store", "Provisioning", grdb]),
    tests("WireTests", ["Wire", "RPC", "Provisioning", "CMusterProto"]),
    tests("RegionTests", ["Region", "Settings", "Store", "Wire", "RPC", "HTTP2", "Provisioning", "MetricsText", coreMetrics, log]),
    tests("PservTests", ["Pserv", "Settings", "Wire", "RPC", "Provisioning", "CLinux", "MetricsText", coreMetrics, log]),
    tests("PservHTTPTests", ["PservHTTP", "Pserv", "Provisioning", log]),
    tests("LoadHarnessTests", ["LoadHarness", "Simulation", "Wire", "RPC"]),
    tests("SimulationTests", ["Simulation", "Pserv", "Provisioning", "Wire", "RPC"]),
    tests("OperatorCLITests", ["OperatorCLI", "Wire", "RPC"]),
  ]
)
