/// A hash table from paths to values that is asked with octets as they arrived.
///
/// Open addressing at a load of at most one half; it is built once and never changes.
struct PathTable<Value: Sendable>: Sendable {
  /// By slot; 0 is a free one.
  private let hashes: [UInt64]
  /// Of all paths.
  private let octets: [UInt8]
  /// By slot: where in `octets` its path is.
  private let paths: [Range<Int>]
  /// By slot.
  private let values: [Value?]
  private let mask: Int

  /// Paths must differ.
  init(_ values: [(String, Value)]) {
    var size = 8
    while size < values.count * 2 { size *= 2 }
    var hashes = [UInt64](repeating: 0, count: size)
    var octets: [UInt8] = []
    var paths = [Range<Int>](repeating: 0..<0, count: size)
    var found = [Value?](repeating: nil, count: size)
    for (path, value) in values {
      let key = Array(path.utf8)
      let hash = key.withUnsafeBytes(PathTable.hash)
      var index = Int(truncatingIfNeeded: hash) & (size - 1)
      while hashes[index] != 0 {
        precondition(!octets[paths[index]].elementsEqual(key), "two handlers for \(path)")
        index = (index + 1) & (size - 1)
      }
      hashes[index] = hash
      paths[index] = octets.count..<octets.count + key.count
      octets += key
      found[index] = value
    }
    self.hashes = hashes
    self.octets = octets
    self.paths = paths
    self.values = found
    self.mask = size - 1
  }

  subscript(path: UnsafeRawBufferPointer) -> Value? {
    let hash = PathTable.hash(path)
    var index = Int(truncatingIfNeeded: hash) & mask
    while hashes[index] != 0 {
      if hashes[index] == hash, isPath(at: index, path) { return values[index] }
      index = (index + 1) & mask
    }
    return nil
  }

  private func isPath(at index: Int, _ path: UnsafeRawBufferPointer) -> Bool {
    octets.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[paths[index]]).equals(path) }
  }

  /// Eight octets at a time, mixed as FNV-1a mixes one; the multiplication's high bits come down at the end. The keys are
  /// the program's own, so a peer gains nothing by collisions: it can only miss.
  private static func hash(_ octets: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(octets.count)
    var at = 0
    while at + 8 <= octets.count {
      hash = (hash ^ octets.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
      at += 8
    }
    var rest: UInt64 = 0
    while at < octets.count {
      rest = rest << 8 | UInt64(octets[at])
      at += 1
    }
    hash = (hash ^ rest) &* 0x9e37_79b9_7f4a_7c15
    // 0 marks a free slot.
    return (hash ^ hash >> 32) | 1
  }
}
