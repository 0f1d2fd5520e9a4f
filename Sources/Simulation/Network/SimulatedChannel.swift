internal import HTTP2
internal import RPC

/// A client's way to the region over the simulated network: connects when the first call needs it and again when the
/// connection is lost; calls that cannot be carried fail.
final class SimulatedChannel: Channel, @unchecked Sendable {
  let process: SimulatedProcess
  /// Where this end is.
  let host: String
  let address: String
  /// Silence, while calls run, before the channel asks whether the server lives; and how long it waits for an answer.
  let keepalive: (interval: Duration, timeout: Duration)
  private let network: SimulatedNetwork
  /// The connection that takes new calls, or will.
  private var current: ClientEnd?
  private var isReady = false
  /// Calls without a connection, in the order they came.
  private var waiting: [ClientCall] = []

  init(
    _ process: SimulatedProcess, on host: String, to address: String, over network: SimulatedNetwork,
    keepalive: (interval: Duration, timeout: Duration)
  ) {
    self.keepalive = keepalive
    self.process = process
    self.host = host
    self.address = address
    self.network = network
  }

  var now: ContinuousClock.Instant { process.world.instant }

  func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    submit(call)
    if let timeout = call.options.timeout { process.call(after: timeout) { call.expire() } }
    defer { call.cancel(RPCError(.cancelled, "the caller left the call")) }
    return try await body()
  }

  func submit(_ call: ClientCall) {
    guard call.isOpen else { return }
    guard process.isAlive else { return call.fail(RPCError(.unavailable, "the process is dead")) }
    if isReady, let current {
      if current.start(call) { return }
      draining(current)
    }
    waiting.append(call)
    guard current == nil else { return }
    let end = ClientEnd(self)
    current = end
    end.connect(to: address, over: network)
  }

  func ready(_ end: ClientEnd) {
    guard current === end else { return }
    isReady = true
    let calls = waiting
    waiting = []
    for call in calls { submit(call) }
  }

  func draining(_ end: ClientEnd) {
    guard current === end else { return }
    (current, isReady) = (nil, false)
  }

  func ended(_ end: ClientEnd, _ error: RPCError) {
    guard current === end else { return }
    (current, isReady) = (nil, false)
    let calls = waiting
    waiting = []
    for call in calls { call.fail(error) }
  }
}
