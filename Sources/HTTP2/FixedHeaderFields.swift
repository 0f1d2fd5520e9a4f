internal import CNghttp2

/// Header fields that are sent again and again: laid out once, for nghttp2 to refer to instead of copying them.
///
/// Never given back, so only for constants. Names have to be lower case: nghttp2 mends those that it copies, these it does not.
public struct FixedHeaderFields: Sendable {
  /// Nobody writes to what it points to.
  nonisolated(unsafe) let entries: UnsafePointer<nghttp2_nv>
  let count: Int

  public init(_ fields: HeaderFields) {
    let octets = UnsafeMutablePointer<UInt8>.allocate(capacity: fields.octets.count)
    octets.initialize(from: fields.octets, count: fields.octets.count)
    let entries = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: fields.count)
    fields.lay(
      at: octets, flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue), into: entries)
    self.entries = UnsafePointer(entries.baseAddress!)
    count = fields.count
  }
}

extension HeaderFields {
  /// Describes the fields to nghttp2.
  ///
  /// - Parameters:
  ///   - base: Where `octets` are.
  ///   - flags: Of every field, beside those of its own.
  ///   - entries: Room for as many.
  func lay(at base: UnsafeMutablePointer<UInt8>?, flags: UInt8, into entries: UnsafeMutableBufferPointer<nghttp2_nv>) {
    var start = 0
    var count = 0
    for field in fields {
      let nameEnd = Int(field.nameEnd)
      let valueEnd = Int(field.valueEnd)
      entries.initializeElement(
        at: count,
        to: nghttp2_nv(
          name: base.map { $0 + start }, value: base.map { $0 + nameEnd }, namelen: nameEnd - start,
          valuelen: valueEnd - nameEnd,
          flags: flags | (field.isSensitive ? UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : 0)))
      count += 1
      start = valueEnd
    }
  }
}
