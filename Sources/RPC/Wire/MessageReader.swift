/// Takes a stream's octets and gives its messages: the length-prefixed framing of gRPC (PROTOCOL-HTTP2.md).
///
/// Also decides when the peer may send more. Octets of a message that is still incomplete are credited at
/// once, since nobody could take them; a complete message is credited when it is taken. So a stream holds at
/// most one message of `messageBytesMax` beyond its flow-control window, and another one that is being decoded elsewhere.
struct MessageReader: ~Copyable {
  private var rules: DecodingRules
  private var queue = ByteQueue()
  private var head = Head.incomplete
  private var hasEnded = false
  /// Octets of the queue, from its end, that were not credited yet.
  private var owedBytes = 0

  /// What the queue begins with.
  private enum Head: Equatable {
    case incomplete
    case message(payloadBytes: Int, isCompressed: Bool)
    case problem(RPCError)
  }

  init(messageBytesMax: Int = CallOptions.responseBytesMaxDefault, compression: Compression = .identity) {
    rules = DecodingRules(messageBytesMax: messageBytesMax, compression: compression)
  }

  /// How messages with the compressed flag are encoded, once it is known.
  mutating func expect(_ compression: Compression) {
    rules.compression = compression
  }

  /// Octets waiting to be taken.
  var queuedBytes: Int { queue.count }

  /// Octets of memory for them, also while there are none.
  var heldBytes: Int { queue.capacity }

  /// Gives memory back that is not in use.
  mutating func trim(keepBytesMax: Int) {
    if queue.isEmpty { queue.reset(keepBytesMax: keepBytesMax) }
  }

  /// Whether `take` has something to say now: a message or an error.
  var isReady: Bool { head != .incomplete }

  /// - Returns: How many octets the peer may send again.
  mutating func append(_ octets: UnsafeRawBufferPointer) -> Int {
    if case .problem = head { return octets.count }
    queue.append(octets)
    owedBytes += octets.count
    guard head == .incomplete else { return 0 }
    examine()
    return creditIfIncomplete()
  }

  /// The stream ended; what is left must be whole messages.
  mutating func end() {
    hasEnded = true
    examine()
  }

  /// Decodes the next message.
  ///
  /// Into a value of the caller's, since code that is generic over messages has to ask for the type of an optional at run
  /// time, for each message anew.
  ///
  /// - Parameter credit: Grows by the octets the peer may send again.
  /// - Returns: false when no complete message is there.
  /// - Throws: What is wrong with the message: too large, a bad flag, not gzip, not a protobuf message.
  mutating func take<M: Message>(into message: inout M, credit: inout Int) throws(RPCError) -> Bool {
    switch head {
    case .incomplete: return false
    case .problem(let error): throw error
    case .message(let payloadBytes, let isCompressed):
      let end = MessageReader.prefixBytes + payloadBytes
      message = try rules.decode(
        UnsafeRawBufferPointer(rebasing: queue.bytes[MessageReader.prefixBytes..<end]), isCompressed: isCompressed)
      queue.removeFirst(end)
      credit += creditTaken()
      return true
    }
  }

  /// Whether decoding the next message would keep a thread that others wait for.
  var isLarge: Bool {
    guard case .message(let payloadBytes, let isCompressed) = head else { return false }
    return payloadBytes >= (isCompressed ? MessageReader.largeCompressedBytesMin : MessageReader.largeBytesMin)
  }

  /// Takes the next message as it is.
  ///
  /// - Parameter credit: Grows by the octets the peer may send again.
  /// - Returns: nil when no complete message is there.
  mutating func takeEncoded(credit: inout Int) -> EncodedMessage? {
    guard case .message(let payloadBytes, let isCompressed) = head else { return nil }
    let end = MessageReader.prefixBytes + payloadBytes
    // The memory goes with the message; what came behind it is little.
    var octets = ByteQueue()
    octets.append(UnsafeRawBufferPointer(rebasing: queue.bytes[end...]))
    swap(&octets, &queue)
    octets.removeLast(octets.count - end)
    octets.removeFirst(MessageReader.prefixBytes)
    credit += creditTaken()
    return EncodedMessage(octets, isCompressed: isCompressed, rules: rules)
  }

  /// The next message, or nil; for callers that know its type.
  mutating func take<M: Message>(_ type: M.Type, credit: inout Int) throws(RPCError) -> M? {
    var message = M()
    return try take(into: &message, credit: &credit) ? message : nil
  }

  /// Throws away what is queued.
  ///
  /// - Returns: How many octets of it were not credited.
  mutating func discard(keepBytesMax: Int = 0) -> Int {
    queue.reset(keepBytesMax: keepBytesMax)
    head = .incomplete
    return takeOwed()
  }

  /// Octets not credited so far; they count as credited from now on.
  mutating func takeOwed() -> Int {
    defer { owedBytes = 0 }
    return owedBytes
  }

  /// Begins a new stream in the same memory.
  mutating func reset(
    messageBytesMax: Int, limits: MessageLimits, compression: Compression, content: DecodingRules.Content, keepBytesMax: Int
  ) {
    rules = DecodingRules(
      messageBytesMax: messageBytesMax, limits: limits, compression: compression, content: content)
    queue.reset(keepBytesMax: keepBytesMax)
    head = .incomplete
    hasEnded = false
    owedBytes = 0
  }

  private mutating func examine() {
    head = lookAtHead()
  }

  private func lookAtHead() -> Head {
    if case .problem = head { return head }
    let octets = queue.bytes
    guard octets.count >= MessageReader.prefixBytes else {
      return hasEnded && !octets.isEmpty ? MessageReader.cutShort : .incomplete
    }
    guard octets[0] <= 1 else {
      return .problem(RPCError(.internalError, "a message has the compressed flag \(octets[0]); only 0 and 1 exist"))
    }
    let payloadBytes = Int(UInt32(bigEndian: octets.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    guard payloadBytes <= rules.messageBytesMax else {
      return .problem(
        RPCError(.resourceExhausted, "a message of \(payloadBytes) bytes exceeds the limit of \(rules.messageBytesMax)"))
    }
    guard octets.count >= MessageReader.prefixBytes + payloadBytes else {
      return hasEnded ? MessageReader.cutShort : .incomplete
    }
    return .message(payloadBytes: payloadBytes, isCompressed: octets[0] == 1)
  }

  /// A message was taken: looks for the next.
  private mutating func creditTaken() -> Int {
    var credit = 0
    if owedBytes > queue.count {
      credit = owedBytes - queue.count
      owedBytes = queue.count
    }
    examine()
    return credit + creditIfIncomplete()
  }

  private mutating func creditIfIncomplete() -> Int {
    guard head == .incomplete else { return 0 }
    defer { owedBytes = 0 }
    return owedBytes
  }

  private static var cutShort: Head { .problem(RPCError(.internalError, "the stream ended within a message")) }

  /// A flag and a big-endian length.
  static let prefixBytes = 5
  /// Octets of a message that would keep a thread others wait for: a tenth of a millisecond as octets, a whole one as fields of
  /// two octets each. To let another thread decode it costs about 35 µs.
  static let largeBytesMin = 96 << 10
  /// The same of a compressed message, which deflate can make 1,032 times as large.
  static let largeCompressedBytesMin = largeBytesMin / 1_032
}
