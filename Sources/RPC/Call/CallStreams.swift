/// The two directions of a call as one value: messages in, messages out, and what both wait for.
///
/// Every rule of back-pressure and of ending is here; `ServerCall` and `ClientCall` guard a value of it with their lock
/// and do what it returns.
struct CallStreams: ~Copyable {
  /// How the incoming direction ended.
  enum InboundEnd {
    case ok
    /// Thrown once the messages before it were read.
    case error(RPCError)
  }

  var inbound = MessageReader()
  var outbound = MessageWriter()
  var parking = Parking()
  /// Who carries this call, or carried the one before it in its place, most often for the same connection.
  private var carrier: (any CallDriver)?
  private var isCarried = false
  private(set) var inboundEnd: InboundEnd?
  /// No message follows those in `outbound`.
  private(set) var outboundHasEnded = false
  /// Why nothing can be sent any more, while what was received can still be read.
  private var outboundError: RPCError?
  /// Why nothing can be sent or received any more, even what is buffered.
  private(set) var failure: RPCError?
  /// Octets the peer may send again, not yet told to the driver.
  private var credit = 0
  private var isSignalled = false
  /// What the reader took and is having decoded.
  private var decoding: EncodedMessage?

  /// A writer sleeps once this many octets wait to be sent.
  static let outboundBytesHigh = 64 << 10
  /// It wakes when no more than this many are left.
  static let outboundBytesLow = 32 << 10
  /// Memory that a call keeps for the next one in its place.
  static let keptBytesMax = 4 << 10

  init() {}

  /// Who carries this call; told when there is something to do.
  var driver: (any CallDriver)? { isCarried ? carrier : nil }

  mutating func attach(to driver: (any CallDriver)?) {
    isCarried = driver != nil
    // To compare costs less than to count a reference.
    if let driver, carrier !== driver { carrier = driver }
  }

  /// Nobody carries this call any more.
  ///
  /// - Parameter keeps: Whether the next in its place is likely to have the same driver, which lives on then.
  mutating func detach(keeps: Bool = false) {
    isCarried = false
    if !keeps { carrier = nil }
  }

  // MARK: The application's side

  enum Taken {
    case message
    case end
    case nothingYet
    /// A message is there that is to be decoded elsewhere: `takeEncoded`.
    case large
  }

  /// - Returns: Also the driver, when it has to be told of credit.
  mutating func take<M: Message>(into message: inout M) throws(RPCError) -> (Taken, (any CallDriver)?) {
    if let failure { throw failure }
    if inbound.isLarge, driver?.largeMessages != nil { return (.large, nil) }
    if try inbound.take(into: &message, credit: &credit) {
      // Small credits wait for company: a window update each would cost as much as the message.
      return (.message, credit >= CallStreams.creditBytesMin && inboundEnd == nil ? signal() : nil)
    }
    switch inboundEnd {
    case nil: return (.nothingYet, nil)
    case .ok: return (.end, nil)
    case .error(let error): throw error
    }
  }

  /// Takes a large message as it is; `decoded` follows.
  ///
  /// - Returns: nil when none is there or nobody decodes it elsewhere.
  mutating func takeEncoded() throws(RPCError) -> (EncodedMessage, any TaskExecutor, (any CallDriver)?)? {
    if let failure { throw failure }
    guard let executor = driver?.largeMessages, let message = inbound.takeEncoded(credit: &credit) else { return nil }
    decoding = message
    return (message, executor, credit >= CallStreams.creditBytesMin && inboundEnd == nil ? signal() : nil)
  }

  /// The memory of a message that was decoded is free.
  mutating func decoded() throws(RPCError) -> (any CallDriver)? {
    decoding = nil
    if let failure { throw failure }
    return signal()
  }

  /// Queues a message, whatever is queued already; then `mustWait` says whether the writer has to pause.
  ///
  /// - Parameter encoded: The message, if it was encoded elsewhere.
  mutating func append<M: Message>(_ message: M, encoded: EncodedResponse? = nil) throws(RPCError) -> (any CallDriver)? {
    if let failure { throw failure }
    if outboundHasEnded { throw outboundError ?? CallStreams.writtenAfterEnd }
    outbound.append(message, encoded: encoded)
    return signal()
  }

  /// Where a message is to be encoded, and how; nil: here.
  func elsewhere(cost: Int) -> (any TaskExecutor, Compression)? {
    guard let executor = driver?.largeMessages, failure == nil, !outboundHasEnded else { return nil }
    return outbound.compression != .identity || cost >= MessageWriter.largeCostMin ? (executor, outbound.compression) : nil
  }

  var mustWait: Bool {
    failure == nil && !outboundHasEnded && outbound.queuedBytes > CallStreams.outboundBytesHigh
  }

  /// - Throws: Why a writer that waited cannot go on.
  func checkOutbound() throws(RPCError) {
    if let error = failure ?? outboundError { throw error }
  }

  mutating func endOutbound() -> (any CallDriver)? {
    if outboundHasEnded { return nil }
    outboundHasEnded = true
    return signal()
  }

  // MARK: The connection's side

  /// - Returns: Octets the peer may send again at once, and the reader if it can go on.
  mutating func receive(_ octets: UnsafeRawBufferPointer) -> (credit: Int, reader: Parking.Waiter?) {
    if failure != nil || inboundEnd != nil { return (octets.count, nil) }
    let credit = inbound.append(octets)
    return (credit, inbound.isReady ? parking.takeReader() : nil)
  }

  mutating func endInbound(_ end: InboundEnd) -> Parking.Waiter? {
    guard inboundEnd == nil else { return nil }
    if case .ok = end { inbound.end() }
    inboundEnd = end
    return parking.takeReader()
  }

  /// The peer wants nothing more.
  mutating func stopOutbound(_ error: RPCError) -> [Parking.Waiter] {
    if !outboundHasEnded { outboundError = error }
    outboundHasEnded = true
    return parking.takeWriters()
  }

  /// Copies octets for the peer into `room` and wakes writers when there is room again.
  mutating func produce(into room: UnsafeMutableRawBufferPointer) -> (count: Int, writers: [Parking.Waiter]) {
    let count = outbound.take(into: room)
    return (count, outbound.queuedBytes <= CallStreams.outboundBytesLow ? parking.takeWriters() : [])
  }

  /// Ends both directions at once.
  mutating func fail(_ error: RPCError) -> Woken {
    if failure == nil { failure = error }
    outboundHasEnded = true
    credit += inbound.discard()
    dropDecoding()
    return parking.takeAll()
  }

  /// The driver listens: what it was told so far is taken.
  ///
  /// - Returns: Octets the peer may send again.
  mutating func takeSignal() -> Int {
    isSignalled = false
    defer { credit = 0 }
    return credit
  }

  /// The driver will look at the call soon anyway.
  mutating func assumeSignalled() {
    isSignalled = isCarried
  }

  /// The stream is gone.
  ///
  /// - Returns: Octets that count against the connection's window and that nobody will take.
  mutating func takeUncredited() -> Int {
    defer { credit = 0 }
    return credit + inbound.takeOwed()
  }

  /// - Returns: The driver, unless it knows already.
  mutating func signal() -> (any CallDriver)? {
    if isSignalled { return nil }
    isSignalled = isCarried
    return driver
  }

  /// What a call costs while it is open.
  struct Held {
    /// Octets of memory for messages that nobody took.
    var inboundBytes = 0
    /// Octets of memory for messages that the peer did not take.
    var outboundBytes = 0
    /// Octets that wait for the peer.
    var unsentBytes = 0
  }

  var held: Held {
    Held(
      inboundBytes: inbound.heldBytes + (decoding?.heldBytes ?? 0), outboundBytes: outbound.heldBytes,
      unsentBytes: outbound.queuedBytes)
  }

  /// Gives memory back that is not in use.
  mutating func trim() {
    inbound.trim(keepBytesMax: CallStreams.keptBytesMax)
    outbound.trim(keepBytesMax: CallStreams.keptBytesMax)
  }

  /// The peer takes nothing more. Memory beyond what a call keeps goes back to the system at once, since the next call in
  /// its place may be long in coming.
  mutating func releaseOutbound() {
    outbound.reset(keepBytesMax: CallStreams.keptBytesMax)
  }

  /// Nobody reads any more.
  mutating func releaseInbound() {
    _ = inbound.discard(keepBytesMax: CallStreams.keptBytesMax)
    dropDecoding()
  }

  private mutating func dropDecoding() {
    decoding?.drop()
    decoding = nil
  }

  mutating func reset(
    messageBytesMax: Int, messageLimits: MessageLimits = .standard, compression: Compression,
    inbound content: DecodingRules.Content
  ) {
    inbound.reset(
      messageBytesMax: messageBytesMax, limits: messageLimits, compression: compression, content: content,
      keepBytesMax: CallStreams.keptBytesMax)
    outbound.reset(keepBytesMax: CallStreams.keptBytesMax)
    parking = Parking()
    inboundEnd = nil
    outboundHasEnded = false
    outboundError = nil
    failure = nil
    credit = 0
    isSignalled = false
    decoding = nil
  }

  private static var writtenAfterEnd: RPCError {
    RPCError(.internalError, "the stream has ended; nothing can be written to it")
  }

  /// Octets of credit that are worth telling. Stream windows are several times larger.
  private static let creditBytesMin = 8 << 10
}
