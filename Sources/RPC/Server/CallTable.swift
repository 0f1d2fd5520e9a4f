internal import HTTP2

/// The calls of a connection, each in a slot of its own: open ones, and spare ones for the next streams.
struct CallTable {
  private var slots: [ServerCall?] = []
  /// Slots without a call.
  private var vacant: [Int] = []
  /// Slots whose calls nobody else holds.
  private var spare: [Int] = []
  /// Slots whose streams closed since the last `recycle`; a handler or a callback may still hold the call.
  private var retired: [Int] = []

  init() {}

  /// Open calls.
  var count: Int { slots.count - vacant.count - spare.count - retired.count }

  var all: [ServerCall] { slots.compactMap { $0 }.filter(\.stream.isOpen) }

  /// - Parameter peer: That of all calls of the table.
  /// - Returns: A `ServerCall` that the table keeps until the first `recycle` after its `close`.
  mutating func open(_ id: StreamID, at now: UInt64, peer: Peer) -> Unmanaged<AnyObject> {
    let slot = spare.popLast() ?? room(for: ServerCall(peer: peer))
    let call = slots[slot]!
    call.stream = ServerStream(id: id, slot: slot, startedAt: now)
    return .passUnretained(call)
  }

  mutating func close(_ call: ServerCall) {
    call.stream.isOpen = false
    retired.append(call.stream.slot)
  }

  /// Keeps calls that nobody else holds. Whoever still holds one, a handler for example, keeps it to itself.
  mutating func recycle() {
    for slot in retired {
      if spare.count < CallTable.spareMax, isKnownUniquelyReferenced(&slots[slot]) {
        spare.append(slot)
      } else {
        // Whoever holds it should not hold the connection's driver too.
        slots[slot]?.withStreams { $0.detach() }
        slots[slot] = nil
        vacant.append(slot)
      }
    }
    retired.removeAll(keepingCapacity: true)
  }

  /// The connection is gone. One of the calls may be what a callback is about right now, so all live on with the table.
  mutating func closeAll() {
    for call in all { close(call) }
    for call in slots { call?.withStreams { $0.detach() } }
  }

  /// - Returns: The slot of a new call.
  private mutating func room(for call: ServerCall) -> Int {
    if let slot = vacant.popLast() {
      slots[slot] = call
      return slot
    }
    slots.append(call)
    return slots.count - 1
  }

  /// Calls kept for reuse by one connection. Each holds at most two buffers of `CallStreams.keptBytesMax`.
  private static let spareMax = 32
}

/// What a connection notes about a call's stream.
struct ServerStream {
  var id = StreamID(rawValue: 0)
  var slot = 0
  /// Nanoseconds of the connection's life.
  var startedAt: UInt64 = 0
  /// Since the clock's epoch.
  var deadline: Duration?
  /// The index in `Router.methods`.
  var method: Int?
  /// Runs once the request's message is there.
  var pendingRoute: LentRoute?
  var isOpen = false
  var requestHasEnded = false
  /// The handler is done already, so that the request's end concerns nobody.
  var isAnswered = false
  /// What the call held when this was last looked at.
  var held = CallStreams.Held()
  /// The session waits to be told that there is more to send.
  var isDeferred = false

  init() {}

  init(id: StreamID, slot: Int, startedAt: UInt64) {
    self.id = id
    self.slot = slot
    self.startedAt = startedAt
    self.isOpen = true
  }
}
