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

let nio = "swift-nio"

func product(_ name: String, _ package: String) -> Target.Dependency {
  .product(name: name, package: package)
}

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
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(
      url: "https://github.com/apple/swift-configuration", exact: "1.4.0",
      traits: [.defaults, "YAML"]),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // Level 0: C
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(
      name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .target(name: "CRPCProto", dependencies: ["CProtobufC"]),
    .target(name: "CMusterProto", dependencies: ["CProtobufC", "CRPCProto"]),

    // Level 1: values and rules; HTTP/2 without input or output
    .target(name: "Provisioning", swiftSettings: house),
    .target(name: "HTTP2", dependencies: ["CNghttp2"], swiftSettings: house),

    // Level 2: gRPC without sockets; the store
    .target(name: "RPC", dependencies: ["HTTP2", "CProtobufC", "CRPCProto"], swiftSettings: house),
    .target(
      name: "Store",
      dependencies: ["Provisioning", product("GRDB", "GRDB.swift")],
      swiftSettings: house),
  ]
)
