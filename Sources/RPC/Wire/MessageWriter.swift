/// Encodes messages into a stream's octets.
struct MessageWriter: ~Copyable {
  var compression = Compression.identity
  private var queue = ByteQueue()
  /// Octets at the front of the queue that were taken and are kept in case they have to be sent again.
  private var sentBytes = 0
  private var keepsSent = false

  init() {}

  /// Octets waiting to be taken.
  var queuedBytes: Int { queue.count - sentBytes }

  /// Octets of memory for them, also while there are none.
  var heldBytes: Int { queue.capacity }

  /// Gives memory back that is not in use.
  mutating func trim(keepBytesMax: Int) {
    if queue.isEmpty { queue.reset(keepBytesMax: keepBytesMax) }
  }

  /// Whether all that was ever taken is still here.
  var isReplayable: Bool { keepsSent }

  /// Keeps what is taken from now on, up to `replayBytesMax`.
  mutating func keepSent() {
    keepsSent = true
  }

  /// What was taken arrived, or is too much to be kept.
  mutating func forgetSent() {
    keepsSent = false
    queue.removeFirst(sentBytes)
    sentBytes = 0
  }

  /// Everything that was kept is to be taken again.
  mutating func rewind() {
    sentBytes = 0
  }

  /// Encodes straight into the queue; nothing else is allocated for an uncompressed message.
  ///
  /// - Parameter encoded: The message, if it was encoded elsewhere; it counts if it is compressed as the call is now.
  mutating func append<M: Message>(_ message: M, encoded: EncodedResponse? = nil) {
    guard let encoded, encoded.compression == compression, var octets = encoded.octets.take() else {
      return MessageWriter.encode(message, compression, into: &queue)
    }
    if queue.isEmpty { swap(&queue, &octets) } else { queue.append(octets.bytes) }
  }

  /// Encodes a message, with its prefix, on the executor that the task prefers.
  @concurrent static func encode<M: Message>(_ message: M, _ compression: Compression) async -> EncodedResponse {
    var octets = ByteQueue()
    encode(message, compression, into: &octets)
    return EncodedResponse(octets: MovingOctets(octets), compression: compression)
  }

  /// Copies the next octets out.
  ///
  /// - Returns: How many.
  mutating func take(into room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, queuedBytes)
    if count == 0 { return 0 }
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: queue.bytes[sentBytes..<sentBytes + count]))
    if keepsSent {
      sentBytes += count
      if sentBytes > MessageWriter.replayBytesMax { forgetSent() }
    } else {
      queue.removeFirst(count)
    }
    return count
  }

  mutating func reset(keepBytesMax: Int) {
    compression = .identity
    sentBytes = 0
    keepsSent = false
    queue.reset(keepBytesMax: keepBytesMax)
  }

  private static func encode<M: Message>(_ message: M, _ compression: Compression, into queue: inout ByteQueue) {
    guard compression == .identity else { return encodeCompressed(message, into: &queue) }
    message.serialize { sizeBytes in
      let room = queue.extend(by: MessageReader.prefixBytes + sizeBytes)
      writePrefix(room, isCompressed: false, payloadBytes: sizeBytes)
      return UnsafeMutableRawBufferPointer(rebasing: room[MessageReader.prefixBytes...])
    }
  }

  private static func encodeCompressed<M: Message>(_ message: M, into queue: inout ByteQueue) {
    var plain = ByteQueue()
    message.serialize { plain.extend(by: $0) }
    let start = queue.count
    _ = queue.extend(by: MessageReader.prefixBytes)
    Gzip.compress(plain.bytes, into: &queue)
    let payloadBytes = queue.count - start - MessageReader.prefixBytes
    queue.withMutableBytes { octets in
      writePrefix(
        UnsafeMutableRawBufferPointer(rebasing: octets[start...]), isCompressed: true, payloadBytes: payloadBytes)
    }
  }

  private static func writePrefix(_ room: UnsafeMutableRawBufferPointer, isCompressed: Bool, payloadBytes: Int) {
    room[0] = isCompressed ? 1 : 0
    room.storeBytes(of: UInt32(payloadBytes).bigEndian, toByteOffset: 1, as: UInt32.self)
  }

  /// Octets of requests that are kept until the server answers; a call that sent more is not tried again.
  static let replayBytesMax = 256 << 10
  /// `Message.encodingCost` of a message that would keep a thread others wait for: a tenth of a millisecond or more. To let
  /// another thread encode it costs about 35 µs.
  static let largeCostMin = 96 << 10
  /// The same of a message that is compressed too.
  static let largeCompressedCostMin = 4 << 10
}
