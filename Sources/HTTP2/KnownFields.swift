internal import CNghttp2

/// The fields of a connection's header blocks by their place in the block, as they were when they were last looked at.
///
/// A client sends much the same fields with each request, in the same order, and mostly by reference to its HPACK table. Then
/// nghttp2 shows the very buffers of the last time, and a comparison of two addresses says that name and value were
/// judged before. The buffers are kept meanwhile, so that no other can have their address.
struct KnownFields: ~Copyable {
  struct Field {
    var name, value: OpaquePointer
    /// As RFC 9113 §6.5.2 counts.
    var listBytes: Int
    var judged: RequestField
    /// What the delegate made of it.
    var mark: FieldMark?
  }

  /// By place. Made with the first request: a connection that never has one needs none.
  private var fields: UnsafeMutablePointer<Field?>?

  /// Places of a block that are remembered; gRPC's clients send some ten fields.
  static let placesMax = 16
  /// Octets of a field that is kept for this, as RFC 9113 §6.5.2 counts. nghttp2's buffers may be seven times as large as the
  /// text: they are made for twice the Huffman code, of which a rare octet has 30 bits.
  static let fieldBytesMax = 128

  init() {}

  deinit {
    guard let fields else { return }
    for place in 0..<KnownFields.placesMax { forget(fields[place]) }
    fields.deallocate()
  }

  /// The field at a place of the block, if it is the same as the last time.
  @inline(__always)
  func field(at place: Int, name: OpaquePointer, value: OpaquePointer) -> Field? {
    guard let fields, place < KnownFields.placesMax, let field = fields[place] else { return nil }
    if field.value == value, field.name == name { return field }
    // What is in no table comes in a buffer of its own each time.
    guard KnownFields.areEqual(field.value, value), KnownFields.areEqual(field.name, name) else { return nil }
    return field
  }

  /// Remembers a field that is neither malformed nor secret.
  mutating func remember(_ field: Field, at place: Int) {
    guard place < KnownFields.placesMax, field.listBytes <= KnownFields.fieldBytesMax else { return }
    let fields = fields ?? KnownFields.empty()
    self.fields = fields
    nghttp2_rcbuf_incref(field.name)
    nghttp2_rcbuf_incref(field.value)
    forget(fields[place])
    fields[place] = field
  }

  private func forget(_ field: Field?) {
    guard let field else { return }
    nghttp2_rcbuf_decref(field.name)
    nghttp2_rcbuf_decref(field.value)
  }

  private static func empty() -> UnsafeMutablePointer<Field?> {
    let fields = UnsafeMutablePointer<Field?>.allocate(capacity: placesMax)
    fields.initialize(repeating: nil, count: placesMax)
    return fields
  }

  private static func areEqual(_ one: OpaquePointer, _ other: OpaquePointer) -> Bool {
    one == other || UnsafeRawBufferPointer(buffer: one).equals(UnsafeRawBufferPointer(buffer: other))
  }
}
