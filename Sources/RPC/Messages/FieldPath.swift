internal import CProtobufC

/// Names the field that a place in a message belongs to, as `google.rpc.BadRequest` does: `node.interfaces[2].mac`.
///
/// The scanner keeps no path while it walks. Whoever needs one, because something is wrong, walks again: each octet
/// before the place is passed twice at most, and nothing is kept.
enum FieldPath {
  /// - Parameters:
  ///   - place: In the contents of a field that the scanner reached.
  ///   - descriptor: Of the message that `bytes` hold.
  /// - Returns: The names of the fields from the outermost message in, repeated ones with their index from 0. It ends early
  ///   where the descriptor knows no more.
  static func of(
    _ place: UnsafeRawPointer, in bytes: UnsafeRawBufferPointer, descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> String {
    var path: [String] = []
    var message = bytes
    var descriptor = descriptor
    while let step = step(to: place, in: message, descriptor) {
      path.append(step.name)
      guard let inner = step.inner else { break }
      message = step.contents
      descriptor = inner
    }
    return path.joined(separator: ".")
  }

  /// The field of one message that holds a place.
  private struct Step {
    /// With the index, if it is repeated.
    let name: String
    let contents: UnsafeRawBufferPointer
    /// What the contents are; nil unless they are a message.
    let inner: UnsafePointer<ProtobufCMessageDescriptor>?
  }

  private static func step(
    to place: UnsafeRawPointer, in message: UnsafeRawBufferPointer,
    _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> Step? {
    guard let member = members(of: message, before: place).next,
      let field = field(member.number, of: descriptor)
    else { return nil }
    let index = members(of: message, before: place, counting: member.number).count
    return Step(
      name: String(cString: field.name) + (field.label == PROTOBUF_C_LABEL_REPEATED ? "[\(index)]" : ""),
      contents: UnsafeRawBufferPointer(start: member.start, count: member.end - member.start),
      inner: field.type == PROTOBUF_C_TYPE_MESSAGE
        ? field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self) : nil)
  }

  /// A field with a length before its contents.
  private struct Member {
    let number: UInt32
    let start: UnsafeRawPointer
    let end: UnsafeRawPointer
  }

  /// How many members of a number end before a place, and the member that holds it.
  private static func members(
    of message: UnsafeRawBufferPointer, before place: UnsafeRawPointer, counting number: UInt32 = 0
  ) -> (count: Int, next: Member?) {
    guard let start = message.baseAddress else { return (0, nil) }
    var cursor = WireCursor(start, count: message.count)
    var count = 0
    do throws(MessageError) {
      while !cursor.isAtEnd {
        let tag = try cursor.tag()
        guard tag.type == .lengthDelimited else {
          try cursor.skip(tag.type)
          continue
        }
        let contents = try cursor.lengthDelimited()
        let member = Member(number: tag.number, start: contents.start, end: cursor.at)
        guard member.end <= place else { return (count, member) }
        if member.number == number { count += 1 }
      }
    } catch {
      // The scanner came as far as the place, so what it could not read lies behind it.
    }
    return (count, nil)
  }

  private static func field(
    _ number: UInt32, of descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> ProtobufCFieldDescriptor? {
    UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
      .first { $0.id == number }
  }
}
