internal import HTTP2

/// The open calls of a connection, and spare ones for the next streams.
struct CallTable {
  private var slots: [ServerCall?] = []
  private var freeSlots: [Int] = []
  /// Streams that closed since the last `recycle`; a handler or a callback may still hold the call.
  private var retired: [ServerCall] = []
  private var spare: [ServerCall] = []

  init() {}

  var count: Int { slots.count - freeSlots.count }

  var all: [ServerCall] { slots.compactMap { $0 } }

  mutating func open(_ id: StreamID, at now: UInt64) -> ServerCall {
    let call = spare.popLast() ?? ServerCall()
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      slots[slot] = call
    } else {
      slot = slots.count
      slots.append(call)
    }
    call.stream = ServerStream(id: id, slot: slot, startedAt: now)
    return call
  }

  mutating func close(_ call: ServerCall) {
    slots[call.stream.slot] = nil
    freeSlots.append(call.stream.slot)
    retired.append(call)
  }

  /// Keeps calls that nobody else holds. Whoever still holds one, a handler for example, keeps it to itself.
  mutating func recycle() {
    for index in retired.indices where spare.count < CallTable.spareMax {
      if isKnownUniquelyReferenced(&retired[index]) { spare.append(retired[index]) }
    }
    retired.removeAll(keepingCapacity: true)
  }

  /// The connection is gone. One of the calls may be what a callback is about right now, so all live on with the table.
  mutating func removeAll() {
    retired.append(contentsOf: all)
    slots.removeAll()
    freeSlots.removeAll()
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
  var deadline: ContinuousClock.Instant?
  /// The index in `Router.methods`.
  var method: Int?
  /// Runs once the request's message is there.
  var pendingRoute: Route?
  var isOpen = false
  var requestHasEnded = false
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
