/// A proto file as server reflection hands it out. Generated code makes them.
public struct FileDescriptor: Sendable, Hashable {
  /// For example `muster/v1/nodes.proto`.
  public let name: String
  /// Names of the files it imports.
  public let dependencies: [String]
  /// Full names of its messages, enums, services and methods, sorted.
  public let symbols: [String]
  /// A serialised `google.protobuf.FileDescriptorProto`.
  public let serialized: [UInt8]

  /// - Parameter latin1: The serialised descriptor with an octet a character, U+0000 to U+00FF: that compiles
  ///   fast and keeps names readable in the source.
  public init(name: String, dependencies: [String], symbols: [String], latin1: String) {
    self.name = name
    self.dependencies = dependencies
    self.symbols = symbols
    self.serialized = latin1.unicodeScalars.map { UInt8($0.value) }
  }
}
