/// A protobuf message as a Swift value.
///
/// Generated code conforms; nobody else should have to. The wire work is done by libprotobuf-c on a C
/// representation that lives in an arena for the length of one call and never leaves the module.
public protocol Message: Sendable, Hashable {
  /// A message with every field at its default.
  init()

  /// The full name in the proto file, for example `muster.v1.Node`.
  static var fullName: String { get }

  /// What the decoded message had in fields that the contract does not have; it is encoded again.
  var unknownFields: UnknownFields { get set }

  /// Roughly what it costs to encode the message, as octets to copy: those of its texts and octets and of the messages in it.
  /// The elements of a list are taken to be like its first, and cost 256 if they are messages or 8 beside what they contain.
  var encodingCost: Int { get }

  /// Decodes one message. The bytes are scanned against `limits` (depth, fields, UTF-8, NUL, memory) before
  /// anything is unpacked; they are borrowed for the call only.
  init(serialized bytes: UnsafeRawBufferPointer, limits: MessageLimits) throws(MessageError)

  /// Encodes the message into memory the caller provides.
  ///
  /// - Parameter allocate: Called exactly once, with the exact number of octets; what it returns is filled completely.
  func serialize(into allocate: (_ sizeBytes: Int) -> UnsafeMutableRawBufferPointer)
}
