/// Counts the frames that arrive, by their headers alone (RFC 9113 §4.1).
///
/// nghttp2 tells of frames that it looks at, and says nothing of those it skips: DATA for streams that are gone,
/// CONTINUATION of a header block that nobody wants. What was counted here and not told by it is what it skipped.
struct FrameScanner {
  /// Frames whose headers are complete so far.
  private(set) var frames: UInt64 = 0
  /// Octets of the current frame's payload, or of the client's preface, that are still to come.
  private var leftBytes: Int
  /// A header that arrives in pieces.
  private var partialBytes = 0
  private var lengthBytes = 0

  /// - Parameter prefaceBytes: Octets before the first frame.
  init(prefaceBytes: Int) {
    leftBytes = prefaceBytes
  }

  mutating func scan(_ octets: UnsafeRawBufferPointer) {
    var at = leftBytes
    let count = octets.count
    while at < count {
      if partialBytes == 0, count - at >= FrameScanner.headerBytes {
        frames &+= 1
        let word = UInt32(bigEndian: octets.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        at += FrameScanner.headerBytes + Int(word >> 8)
      } else {
        if partialBytes < FrameScanner.lengthFieldBytes { lengthBytes = lengthBytes << 8 | Int(octets[at]) }
        partialBytes += 1
        at += 1
        guard partialBytes == FrameScanner.headerBytes else { continue }
        frames &+= 1
        at += lengthBytes
        partialBytes = 0
        lengthBytes = 0
      }
    }
    leftBytes = at - count
  }

  private static let headerBytes = 9
  private static let lengthFieldBytes = 3
}
