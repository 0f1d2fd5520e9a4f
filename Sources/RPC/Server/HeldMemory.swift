/// What one connection holds: memory for requests that handlers did not take, for responses that the client did not take,
/// and for what the socket did not take.
///
/// The server hears of it in steps of `ServerConfiguration.heldStepBytes`; most calls come and go without it.
struct HeldMemory {
  private(set) var heldBytes = 0
  /// Octets of responses that wait for the client.
  private(set) var unsentBytes = 0
  private var transportBytes = 0
  private var reportedBytes = 0

  init() {}

  /// - Returns: By how much the call's share grew.
  @inline(__always)
  mutating func note(_ stream: inout ServerStream, _ held: CallStreams.Held) -> Int {
    let change = held.inboundBytes + held.outboundBytes - stream.held.inboundBytes - stream.held.outboundBytes
    unsentBytes += held.unsentBytes - stream.held.unsentBytes
    stream.held = held
    heldBytes += change
    return change
  }

  mutating func noteTransport(_ sizeBytes: Int) {
    heldBytes += sizeBytes - transportBytes
    transportBytes = sizeBytes
  }

  /// - Returns: What the server has to hear of, in octets, or nil while it is less than a step.
  @inline(__always)
  mutating func takeReport() -> Int? {
    let change = heldBytes - reportedBytes
    guard change >= ServerConfiguration.heldStepBytes || -change >= ServerConfiguration.heldStepBytes else { return nil }
    reportedBytes = heldBytes
    return change
  }

  /// The connection is gone.
  ///
  /// - Returns: The last report.
  mutating func takeAll() -> Int {
    defer { self = HeldMemory() }
    return -reportedBytes
  }
}
