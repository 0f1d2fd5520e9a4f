/// What one message may cost to decode. libprotobuf-c has no limits of its own: it recurses as deep as the
/// input says and can turn 4 MiB of input into 180 MiB of memory (measured).
public struct MessageLimits: Sendable, Hashable {
  /// Levels of nested messages, the outermost being 1.
  public var depthMax: Int
  /// Fields of all levels together. The default is a message of 4 MiB with eight octets a field.
  public var fieldsMax: Int
  /// Octets of memory the C representation may take.
  public var arenaBytesMax: Int
  /// Octets out for one octet of gzip in, above which a message is a bomb rather than text. Deflate's own limit is 1,032.
  public var decompressionRatioMax: Int

  public init(
    depthMax: Int = 32, fieldsMax: Int = 1 << 19, arenaBytesMax: Int = 64 << 20, decompressionRatioMax: Int = 200
  ) {
    self.depthMax = depthMax
    self.decompressionRatioMax = decompressionRatioMax
    self.fieldsMax = fieldsMax
    self.arenaBytesMax = arenaBytesMax
  }

  public static let standard = MessageLimits()
}

/// Why bytes are not a message.
public enum MessageError: Error, Hashable, Sendable {
  /// The bytes end within a field, or a varint is longer than ten octets.
  case truncated
  /// A tag with field number 0 or a wire type that does not exist or does not fit the field.
  case malformed(field: UInt32)
  /// More nested levels than `MessageLimits.depthMax`.
  case tooDeep
  /// More fields than `MessageLimits.fieldsMax`.
  case tooManyFields
  /// The C representation would exceed `MessageLimits.arenaBytesMax`.
  case tooLarge
  /// A `string` that is not UTF-8; the field as a path, `node.interfaces[2].mac`.
  case invalidUTF8(field: String)
  /// A `string` with a NUL, which C would cut short; the field as a path.
  case containsNUL(field: String)
}

extension MessageError: CustomStringConvertible {
  /// What is wrong, a clause for whoever sent it. A number is that of a field in the message or in one inside it.
  public var description: String {
    switch self {
    case .truncated: "it ends within a field"
    case .malformed(let field): "the octets of field \(field) do not fit its type"
    case .tooDeep: "its messages are nested too deep"
    case .tooManyFields: "it has too many fields"
    case .tooLarge: "it takes too much memory"
    case .invalidUTF8(let field), .containsNUL(let field): "\(field) \(textProblem ?? "")"
    }
  }

  /// What is wrong with a field's text, a clause that follows its name; nil when it is something else that is wrong.
  var textProblem: String? {
    switch self {
    case .invalidUTF8: "is not UTF-8; encode it so"
    case .containsNUL: "contains a NUL; remove that character"
    case .truncated, .malformed, .tooDeep, .tooManyFields, .tooLarge: nil
    }
  }
}
