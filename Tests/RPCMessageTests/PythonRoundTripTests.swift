internal import Foundation
internal import RPC
internal import Testing
internal import Wire

/// Every message type, both ways, against python's protobuf.
@Suite struct PythonRoundTripTests {
  static let types: [String: any Message.Type] = Dictionary(
    uniqueKeysWithValues: (Everything.messageTypes + MusterV1.messageTypes + GoogleProtobuf.messageTypes
      + GoogleRpc.messageTypes + GrpcHealthV1.messageTypes + GrpcReflectionV1.messageTypes
      + GrpcReflectionV1alpha.messageTypes + Bench.messageTypes)
      .map { ($0.fullName, $0) })

  @Test(arguments: [1, 20261122])
  func everyMessageOfPythonIsReadAndWrittenAsPythonDoes(seed: Int) throws {
    let peer = try PythonPeer()
    let count = 6
    _ = try peer.run("make", "\(seed)", "\(count)")
    let parts = try peer.read("from_python")
    var returned: [[UInt8]] = []
    var seen: Set<String> = []
    for start in stride(from: 0, to: parts.count, by: 3) {
      let name = String(decoding: parts[start], as: UTF8.self)
      let type = try #require(Self.types[name], "no Swift type for \(name)")
      let (message, octets) = try reencoded(type, parts[start + 1])
      let expected = String(decoding: parts[start + 2], as: UTF8.self)
      #expect(MessageText.difference(MessageText.text(message), expected) == nil, "\(name)")
      returned += [parts[start], octets]
      seen.insert(name)
    }
    #expect(seen == Set(Self.types.keys))
    try peer.write("from_swift", returned)
    #expect(try peer.run("check", "\(seed)", "\(count)") == "\(seen.count * count)")
  }

  @Test func theFileDescriptorsAreWhatReflectionNeeds() throws {
    let peer = try PythonPeer()
    try peer.write("descriptors", MusterV1.fileDescriptors.map(\.serialized))
    #expect(try peer.run("reflect") == "muster.v1.Node")
  }

  @Test func theSymbolsOfAFileIncludeItsMethods() throws {
    let file = try #require(MusterV1.fileDescriptors.first { $0.name == "muster/v1/nodes.proto" })
    #expect(file.symbols.contains("muster.v1.NodeService.GetNode"))
    #expect(file.symbols.contains("muster.v1.Node"))
    #expect(file.dependencies.contains("google/protobuf/timestamp.proto"))
  }

  @Test func theCommittedCodeIsWhatTheGeneratorWrites() throws {
    let script = PythonPeer.repository.appending(path: "scripts/generate").path
    #expect(try PythonPeer.run("/usr/bin/python3", [script, "--check"]) == "")
  }
}
