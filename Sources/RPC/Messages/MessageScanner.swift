internal import CProtobufC

/// Walks the octets of a message before libprotobuf-c sees them.
///
/// libprotobuf-c 1.4.1 recurses without limit, checks no UTF-8, cuts strings at NUL, lets a varint stand where
/// a `bool` of another wire type is expected, and allocates as much as the input asks. The scan refuses all of
/// that, and adds up exactly what unpacking will allocate. Fields the descriptor does not know are accepted
/// and skipped, except groups, which proto3 does not have.
///
/// A singular message field that occurs twice is refused: protobuf asks for a merge, libprotobuf-c's merge
/// loses scalars, and no encoder writes it.
struct MessageScanner {
  private let limits: MessageLimits
  private var fieldsLeft: Int
  /// What unpacking will allocate so far, in octets, each allocation rounded as the arena rounds.
  private var arenaBytes = 0

  /// - Returns: The size of the arena that unpacking will take, at most `limits.arenaBytesMax`.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, descriptor: UnsafePointer<ProtobufCMessageDescriptor>, limits: MessageLimits
  ) throws(MessageError) -> Int {
    var scanner = MessageScanner(limits: limits)
    var cursor = WireCursor(bytes)
    try scanner.message(&cursor, descriptor, depth: 1)
    return scanner.arenaBytes
  }

  private init(limits: MessageLimits) {
    self.limits = limits
    self.fieldsLeft = limits.fieldsMax
  }

  /// Recursion is bounded by `depthMax`; a level takes about 200 octets of stack.
  private mutating func message(
    _ cursor: inout WireCursor, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(MessageError) {
    guard depth <= limits.depthMax else { throw .tooDeep }
    try reserve(descriptor.pointee.sizeof_message)

    var members = 0
    var unknown = 0
    // Singular messages seen, a bit for each index; the generator refuses messages with more than 128 fields.
    var seen: UInt128 = 0
    // The index of the last known field: encoders write fields in order, so the next one is this or the one after.
    var index = 0

    while !cursor.isAtEnd {
      let (number, wireType) = try cursor.tag()
      fieldsLeft -= 1
      guard fieldsLeft >= 0 else { throw .tooManyFields }
      members += 1

      guard let found = Self.index(of: number, near: index, in: descriptor) else {
        unknown += 1
        let start = cursor.position
        try cursor.skip(wireType, field: number)
        try reserve(cursor.position - start)
        continue
      }
      index = found
      let field = descriptor.pointee.fields + found
      switch field.pointee.type {
      case PROTOBUF_C_TYPE_STRING:
        try expect(wireType, .lengthDelimited, number)
        let text = try cursor.lengthDelimited()
        try UTF8Check.check(text, field: number)
        try reserve(text.count + 1 + Self.elementBytes(field, MemoryLayout<UnsafeRawPointer>.size))
      case PROTOBUF_C_TYPE_BYTES:
        try expect(wireType, .lengthDelimited, number)
        let octets = try cursor.lengthDelimited()
        try reserve(octets.count + Self.elementBytes(field, MemoryLayout<ProtobufCBinaryData>.size))
      case PROTOBUF_C_TYPE_MESSAGE:
        try expect(wireType, .lengthDelimited, number)
        if field.pointee.label != PROTOBUF_C_LABEL_REPEATED {
          guard seen & (1 << UInt128(found)) == 0 else { throw .malformed(field: number) }
          seen |= 1 << UInt128(found)
        }
        var inner = WireCursor(try cursor.lengthDelimited())
        try reserve(Self.elementBytes(field, MemoryLayout<UnsafeRawPointer>.size))
        let descriptor = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
        try message(&inner, descriptor, depth: depth + 1)
      default:
        try scalar(&cursor, field, number, wireType)
      }
    }

    if unknown > 0 { try reserve(unknown * MemoryLayout<ProtobufCMessageUnknownField>.stride) }
    try reserveMemberSlabs(members)
  }

  /// A number, a `bool` or an enum; or several of them packed.
  private mutating func scalar(
    _ cursor: inout WireCursor, _ field: UnsafePointer<ProtobufCFieldDescriptor>, _ number: UInt32,
    _ wireType: WireType
  ) throws(MessageError) {
    let kind = ScalarKind(field.pointee.type)
    if wireType == kind.wireType {
      try cursor.skip(wireType, field: number)
      try reserve(Self.elementBytes(field, kind.sizeBytes))
      return
    }
    guard wireType == .lengthDelimited, field.pointee.label == PROTOBUF_C_LABEL_REPEATED else {
      throw .malformed(field: number)
    }
    var packed = WireCursor(try cursor.lengthDelimited())
    let elements = try packed.countPacked(kind.wireType, field: number)
    fieldsLeft -= elements
    guard fieldsLeft >= 0 else { throw .tooManyFields }
    // For packed `bool`s libprotobuf-c takes one element an octet, although each is a varint.
    let reserved = field.pointee.type == PROTOBUF_C_TYPE_BOOL ? packed.position : elements
    try reserve(reserved * kind.sizeBytes)
  }

  private mutating func reserve(_ sizeBytes: Int) throws(MessageError) {
    arenaBytes += (sizeBytes + 7) & ~7
    guard arenaBytes <= limits.arenaBytesMax else { throw .tooLarge }
  }

  /// libprotobuf-c notes the place of every member first: 16 on its stack, then slabs that double.
  private mutating func reserveMemberSlabs(_ members: Int) throws(MessageError) {
    var slab = 16
    var held = slab
    while held < members {
      slab *= 2
      held += slab
      try reserve(slab * Self.scannedMemberBytes)
    }
  }

  private func expect(_ wireType: WireType, _ expected: WireType, _ number: UInt32) throws(MessageError) {
    guard wireType == expected else { throw .malformed(field: number) }
  }

  /// `sizeof (ScannedMember)` on 64-bit machines.
  private static let scannedMemberBytes = 32

  /// What one more element takes in the array of a repeated field; nothing for a singular one.
  private static func elementBytes(_ field: UnsafePointer<ProtobufCFieldDescriptor>, _ sizeBytes: Int) -> Int {
    field.pointee.label == PROTOBUF_C_LABEL_REPEATED ? sizeBytes : 0
  }

  private static func index(
    of number: UInt32, near index: Int, in descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> Int? {
    let count = Int(descriptor.pointee.n_fields)
    guard count > 0 else { return nil }
    let fields = descriptor.pointee.fields!
    if fields[index].id == number { return index }
    if index + 1 < count, fields[index + 1].id == number { return index + 1 }

    // Numbers in ranges without gaps, sorted by their first; one more entry marks the end.
    let ranges = descriptor.pointee.field_ranges!
    var low = 0
    var high = Int(descriptor.pointee.n_field_ranges)
    while low < high {
      let middle = (low + high) / 2
      if Int64(ranges[middle].start_value) > Int64(number) { high = middle } else { low = middle + 1 }
    }
    guard low > 0 else { return nil }
    let range = ranges[low - 1]
    let found = Int64(range.orig_index) + Int64(number) - Int64(range.start_value)
    return found < Int64(ranges[low].orig_index) ? Int(found) : nil
  }
}
