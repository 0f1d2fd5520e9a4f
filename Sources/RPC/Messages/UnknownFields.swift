internal import CProtobufC

/// The fields of a message that our contract does not have, as a newer peer sent them.
///
/// Every message has a value of them: decoding fills it, encoding writes it after the known fields. So who passes a message
/// on passes on what it does not understand. They are never looked into, and count when messages are compared.
public struct UnknownFields: Sendable, Hashable {
  /// Tags and values in the order in which they came, each tag as short as it can be. Nil for none, which is what nearly
  /// every message has: a nil costs no memory and no counted reference.
  fileprivate var octets: [UInt8]?

  public init() {}

  public var isEmpty: Bool { octets == nil }

  /// Octets they take on the wire.
  public var sizeBytes: Int { octets?.count ?? 0 }
}

// MARK: From and to C

extension UnknownFields {
  /// - Parameter message: The C struct of a message that libprotobuf-c unpacked; everything is copied.
  package init(of message: UnsafeRawPointer) {
    let base = message.assumingMemoryBound(to: ProtobufCMessage.self)
    guard base.pointee.n_unknown_fields > 0 else { return }
    octets = Self.octets(
      of: UnsafeBufferPointer(start: base.pointee.unknown_fields, count: Int(base.pointee.n_unknown_fields)))
  }

  @inline(never)
  private static func octets(of fields: UnsafeBufferPointer<ProtobufCMessageUnknownField>) -> [UInt8] {
    let sizeBytes = fields.reduce(0) { $0 + tagBytes(tag(of: $1)) + $1.len }
    return Array(unsafeUninitializedCapacity: sizeBytes) { target, count in
      for field in fields {
        var tag = tag(of: field)
        while tag >= 0x80 {
          target.initializeElement(at: count, to: UInt8(truncatingIfNeeded: tag) | 0x80)
          count += 1
          tag >>= 7
        }
        target.initializeElement(at: count, to: UInt8(tag))
        count += 1
        // What follows the tag, the length of a delimited field included.
        (target.baseAddress! + count).initialize(from: field.data, count: field.len)
        count += field.len
      }
    }
  }

  private static func tag(of field: ProtobufCMessageUnknownField) -> UInt32 { field.tag << 3 | field.wire_type.rawValue }

  /// Seven bits an octet.
  private static func tagBytes(_ tag: UInt32) -> Int { (UInt32.bitWidth - tag.leadingZeroBitCount + 6) / 7 }
}

extension Arena {
  /// Gives the C struct of a message the message's unknown fields; they are copied.
  package func add(_ fields: UnknownFields, to message: UnsafeMutableRawPointer) {
    guard let octets = fields.octets else { return }
    add(unknown: octets, to: message)
  }

  /// libprotobuf-c writes a field's tag and then its octets without a look at them. So one C field does for all: its
  /// octets are the first one's and, after them, whole fields.
  @inline(never)
  private func add(unknown octets: [UInt8], to message: UnsafeMutableRawPointer) {
    let copy = bytes(octets)!
    var cursor = WireCursor(copy, count: octets.count)
    let field = allocate(ProtobufCMessageUnknownField.self)
    do throws(MessageError) {
      let (number, type) = try cursor.tag()
      field.initialize(
        to: ProtobufCMessageUnknownField(
          tag: number, wire_type: ProtobufCWireType(rawValue: type.rawValue), len: cursor.leftBytes,
          data: copy + (octets.count - cursor.leftBytes)))
    } catch {
      preconditionFailure("unknown fields begin with a tag: they were written here")
    }
    let base = message.assumingMemoryBound(to: ProtobufCMessage.self)
    base.pointee.n_unknown_fields = 1
    base.pointee.unknown_fields = field
  }
}
