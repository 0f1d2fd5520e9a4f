internal import CProtobufC

/// Walks the octets of a message before libprotobuf-c sees them.
///
/// libprotobuf-c 1.4.1 recurses without limit, checks no UTF-8, cuts strings at NUL, takes a `bool` of any wire
/// type, and allocates as much as the input asks. The scan refuses all of that, and adds up exactly what unpacking
/// will allocate. Fields the descriptor does not know are kept as octets and never looked into, except groups,
/// which proto3 does not have.
///
/// A singular message field that occurs twice is refused: protobuf asks for a merge, libprotobuf-c's merge
/// loses scalars, and no encoder writes it.
struct MessageScanner {
  private let limits: MessageLimits
  /// The outermost message, to name a field in it.
  private let bytes: UnsafeRawBufferPointer
  private let descriptor: Descriptor
  private var fieldsLeft: Int
  /// What unpacking will allocate so far, in octets, each allocation rounded as the arena rounds. It cannot
  /// overflow: an octet of input asks for less than a hundred.
  private var arenaBytes = 0

  private typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>
  private typealias Field = UnsafePointer<ProtobufCFieldDescriptor>

  /// - Returns: The size of the arena that unpacking will take, at most `limits.arenaBytesMax`.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, descriptor: UnsafePointer<ProtobufCMessageDescriptor>, limits: MessageLimits
  ) throws(MessageError) -> Int {
    var scanner = MessageScanner(bytes, descriptor, limits)
    if let start = bytes.baseAddress {
      try scanner.message(start, count: bytes.count, descriptor, depth: 1)
    } else {
      try scanner.message(UnsafeRawPointer(descriptor), count: 0, descriptor, depth: 1)
    }
    return scanner.arenaBytes
  }

  private init(_ bytes: UnsafeRawBufferPointer, _ descriptor: Descriptor, _ limits: MessageLimits) {
    self.limits = limits
    self.bytes = bytes
    self.descriptor = descriptor
    self.fieldsLeft = limits.fieldsMax
  }

  /// Recursion is bounded by `depthMax`; a level takes about 200 octets of stack.
  private mutating func message(
    _ start: UnsafeRawPointer, count: Int, _ descriptor: Descriptor, depth: Int
  ) throws(MessageError) {
    guard depth <= limits.depthMax else { throw .tooDeep }
    reserve(descriptor.pointee.sizeof_message)
    var cursor = WireCursor(start, count: count)
    var members = 0
    var unknown = 0
    // Singular messages seen, a bit for each index; the generator refuses messages with more than 128 fields.
    var seen: UInt128 = 0
    // The field after the last known one: encoders write fields in order.
    var expected = 0

    while !cursor.isAtEnd {
      let (number, wireType) = try cursor.tag()
      members += 1
      // Here, not only at the end: whoever sends too many should not have all of them looked at.
      guard members <= fieldsLeft else { throw .tooManyFields }
      guard let index = Self.index(of: number, expected: expected, in: descriptor) else {
        unknown += 1
        let start = cursor.at
        try cursor.skip(wireType)
        reserve(cursor.at - start)
        continue
      }
      let field = descriptor.pointee.fields + index
      let isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
      expected = isRepeated ? index : index + 1
      switch field.pointee.type {
      case PROTOBUF_C_TYPE_STRING:
        guard wireType == .lengthDelimited else { throw .malformed(field: number) }
        let (text, count) = try cursor.lengthDelimited()
        if let fault = UTF8Check.fault(text, count: count) { throw refusal(fault, of: text) }
        reserve(count + 1)
        if isRepeated { reserve(MemoryLayout<UnsafeRawPointer>.size) }
      case PROTOBUF_C_TYPE_BYTES:
        guard wireType == .lengthDelimited else { throw .malformed(field: number) }
        reserve(try cursor.lengthDelimited().count)
        if isRepeated { reserve(MemoryLayout<ProtobufCBinaryData>.size) }
      case PROTOBUF_C_TYPE_MESSAGE:
        guard wireType == .lengthDelimited else { throw .malformed(field: number) }
        if isRepeated {
          reserve(MemoryLayout<UnsafeRawPointer>.size)
        } else {
          guard seen & (1 << UInt128(index)) == 0 else { throw .malformed(field: number) }
          seen |= 1 << UInt128(index)
        }
        let (start, count) = try cursor.lengthDelimited()
        let inner = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
        try message(start, count: count, inner, depth: depth + 1)
      default:
        let kind = ScalarKind(field.pointee.type)
        if wireType == kind.wireType {
          try cursor.skip(wireType)
          if isRepeated { reserve(kind.sizeBytes) }
        } else {
          guard wireType == .lengthDelimited, isRepeated else { throw .malformed(field: number) }
          try packed(&cursor, field, number, kind)
        }
      }
    }
    try finish(members: members, unknown: unknown)
  }

  @inline(never)
  private func refusal(_ fault: UTF8Check.Fault, of text: UnsafeRawPointer) -> MessageError {
    let field = FieldPath.of(text, in: bytes, descriptor: descriptor)
    return switch fault {
    case .notUTF8: .invalidUTF8(field: field)
    case .containsNUL: .containsNUL(field: field)
    }
  }

  /// Numbers written one after the other; each counts as a field.
  private mutating func packed(
    _ cursor: inout WireCursor, _ field: Field, _ number: UInt32, _ kind: ScalarKind
  ) throws(MessageError) {
    let (start, count) = try cursor.lengthDelimited()
    var numbers = WireCursor(start, count: count)
    let elements = try numbers.countPacked(kind.wireType, field: number)
    fieldsLeft -= elements
    guard fieldsLeft >= 0 else { throw .tooManyFields }
    // For packed `bool`s libprotobuf-c takes one element an octet, although each is a varint.
    reserve((field.pointee.type == PROTOBUF_C_TYPE_BOOL ? count : elements) * kind.sizeBytes)
  }

  /// What libprotobuf-c takes for a message beside its fields, and whether all of it is within the limits.
  private mutating func finish(members: Int, unknown: Int) throws(MessageError) {
    fieldsLeft -= members
    guard fieldsLeft >= 0 else { throw .tooManyFields }
    reserve(unknown * MemoryLayout<ProtobufCMessageUnknownField>.stride)
    // It notes the place of every member first: 16 on its stack, then slabs that double.
    var slab = Self.stackMembers
    var held = slab
    while held < members {
      slab *= 2
      held += slab
      reserve(slab * Self.scannedMemberBytes)
    }
    guard arenaBytes <= limits.arenaBytesMax else { throw .tooLarge }
  }

  @inline(__always)
  private mutating func reserve(_ sizeBytes: Int) {
    arenaBytes &+= (sizeBytes &+ 7) & ~7
  }

  /// `sizeof (ScannedMember)` on 64-bit machines, and how many stand on the stack.
  private static let scannedMemberBytes = 32
  private static let stackMembers = 16

  @inline(__always)
  private static func index(of number: UInt32, expected: Int, in descriptor: Descriptor) -> Int? {
    if expected < Int(descriptor.pointee.n_fields), descriptor.pointee.fields[expected].id == number {
      return expected
    }
    return search(number, in: descriptor)
  }

  /// By the ranges of numbers without gaps, which are sorted by their first; one more entry marks the end.
  @inline(never)
  private static func search(_ number: UInt32, in descriptor: Descriptor) -> Int? {
    guard let ranges = descriptor.pointee.field_ranges else { return nil }
    var low = 0
    var high = Int(descriptor.pointee.n_field_ranges)
    while low < high {
      let middle = (low + high) / 2
      if Int64(ranges[middle].start_value) > Int64(number) { high = middle } else { low = middle + 1 }
    }
    guard low > 0 else { return nil }
    let found = Int64(ranges[low - 1].orig_index) + Int64(number) - Int64(ranges[low - 1].start_value)
    return found < Int64(ranges[low].orig_index) ? Int(found) : nil
  }
}
