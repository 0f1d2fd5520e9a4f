/// Bytes whose plain order is the natural order of `text` (n2 before n10), so that an index of a
/// database can sort by them. Different texts have different keys.
///
/// A run of digits becomes the byte `0`, the count of its digits without leading zeros, and these
/// digits; every other byte stands for itself. A zero byte and the text itself follow, so that `n2`
/// and `n02` differ. Names have at most 63 octets, so the count fits one byte and no name contains
/// the zero byte.
package func naturalKey(_ text: String) -> [UInt8] {
  let bytes = Array(text.utf8)
  var key: [UInt8] = []
  key.reserveCapacity(bytes.count * 2 + 4)
  var index = 0
  while index < bytes.count {
    guard isDigit(bytes[index]) else {
      key.append(bytes[index])
      index += 1
      continue
    }
    var start = index
    while index < bytes.count, isDigit(bytes[index]) { index += 1 }
    while start < index - 1, bytes[start] == zero { start += 1 }
    key.append(zero)
    key.append(UInt8(clamping: index - start))
    key.append(contentsOf: bytes[start..<index])
  }
  key.append(0)
  key.append(contentsOf: bytes)
  return key
}

/// True if `a` stands before `b` in natural order; the order of `naturalKey`.
package func naturallyPrecedes(_ a: String, _ b: String) -> Bool {
  naturalKey(a).lexicographicallyPrecedes(naturalKey(b))
}

extension ResourceName {
  /// The key by which stores sort names and page through them.
  package var sortKey: [UInt8] { naturalKey(text) }
}

private let zero = UInt8(ascii: "0")

private func isDigit(_ byte: UInt8) -> Bool { byte >= zero && byte <= UInt8(ascii: "9") }
