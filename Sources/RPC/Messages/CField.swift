/// Values of C structs as Swift values; always copies.
package enum CField {
  /// NUL-terminated UTF-8, which the scan has checked. Unset strings point to an empty one.
  package static func string(_ text: UnsafePointer<CChar>?) -> String {
    guard let text, text.pointee != 0 else { return "" }
    return String(cString: text)
  }

  package static func bytes(_ data: UnsafePointer<UInt8>?, count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: data, count: count))
  }
}
