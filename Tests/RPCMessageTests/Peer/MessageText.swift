internal import RPC

/// All fields of a message as text, the same that `peer.py` makes of its own: so that a field which lands in
/// another field is found even if encoding makes the same mistake backwards.
enum MessageText {
  static func text(_ message: any Message) -> String { describe(message) }

  /// The part around the first difference, or nil.
  static func difference(_ one: String, _ other: String) -> String? {
    guard one != other else { return nil }
    let common = zip(one, other).prefix { $0 == $1 }.count
    let from = max(0, common - 60)
    return "…\(one.dropFirst(from).prefix(120)) | …\(other.dropFirst(from).prefix(120))"
  }

  private static func describe(_ value: Any) -> String {
    // Not a cast: an empty array of anything can be cast to an array of anything else.
    if type(of: value) == [UInt8].self, let octets = value as? [UInt8] { return "x" + hex(octets) }
    switch value {
    case let value as String: return "s" + hex(Array(value.utf8))
    case let value as Bool: return value ? "true" : "false"
    case let value as Double: return "d" + hex(bigEndian(value.bitPattern))
    case let value as Float: return "f" + hex(bigEndian(value.bitPattern))
    case let value as any FixedWidthInteger: return "\(value)"
    case let value as any RawRepresentable<Int32>: return "\(value.rawValue)"
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
      guard let some = mirror.children.first else { return "-" }
      return describe(some.value)
    case .enum:
      guard let chosen = mirror.children.first else { return "?" }
      return "\(chosen.label!)(\(describe(chosen.value)))"
    case .collection:
      return "[" + mirror.children.map { describe($0.value) }.joined(separator: ",") + "]"
    case .dictionary:
      let entries = mirror.children.map { entry in
        Mirror(reflecting: entry.value).children.map { describe($0.value) }.joined(separator: ":")
      }
      return "<" + entries.sorted().joined(separator: ",") + ">"
    default:
      let fields = mirror.children.filter { ($0.value as? UnknownFields)?.isEmpty != true }
      return "{" + fields.map { "\($0.label!)=\(describe($0.value))" }.joined(separator: ",") + "}"
    }
  }

  private static func hex(_ octets: [UInt8]) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func bigEndian(_ bits: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: bits.bigEndian, Array.init)
  }
}
