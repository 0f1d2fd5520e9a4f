internal import Synchronization

/// Octets on their way from one thread to another.
final class MovingOctets: Sendable {
  private let octets: Mutex<ByteQueue?>

  init(_ octets: consuming ByteQueue) {
    self.octets = Mutex(octets)
  }

  /// - Returns: nil when they were taken already.
  func take() -> ByteQueue? {
    octets.withLock { octets in
      var taken: ByteQueue?
      swap(&taken, &octets)
      return taken
    }
  }
}

/// A message that was encoded before its call took it.
struct EncodedResponse: Sendable {
  let octets: MovingOctets
  let compression: Compression
}
