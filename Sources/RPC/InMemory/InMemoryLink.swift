internal import Synchronization

/// Moves octets between the two ends of a call, as far as their windows allow. What HTTP/2 does over a network.
final class InMemoryLink: CallDriver {
  private let client: ClientCall
  private let server: ServerCall
  private let state = Mutex(State())

  private struct State {
    var isMoving = false
    var mustMoveAgain = false
    var windowToServer = InMemoryLink.windowBytes
    var windowToClient = InMemoryLink.windowBytes
    /// The response headers went.
    var isResponding = false
  }

  init(client: ClientCall, server: ServerCall) {
    self.client = client
    self.server = server
  }

  func callNeedsAttention(_ call: any CallEndpoint) {
    move()
  }

  /// Moves whatever can move. Only one thread moves at a time, so octets keep their order; another that comes
  /// meanwhile leaves word.
  func move() {
    let isMine = state.withLock { state in
      state.mustMoveAgain = true
      defer { state.isMoving = true }
      return !state.isMoving
    }
    guard isMine else { return }
    while true {
      let mustMove = state.withLock { state in
        defer { state.mustMoveAgain = false }
        state.isMoving = state.mustMoveAgain
        return state.isMoving
      }
      guard mustMove else { return }
      moveRequests()
      moveResponses()
    }
  }

  private func moveRequests() {
    let (step, credit) = client.withState { $0.attend() }
    state.withLock { $0.windowToClient += credit }
    if case .cancel = step {
      server.fail(RPCError(.cancelled, "the client cancelled the call"))
      return
    }
    while true {
      let room = state.withLock { max(0, min($0.windowToServer, InMemoryLink.chunkBytes)) }
      var hasEnded = false
      let octets = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        let (produced, writers) = client.withState { $0.produce(into: UnsafeMutableRawBufferPointer(buffer)) }
        for writer in writers { writer.resume() }
        switch produced {
        case .octets(let moved): count = moved
        case .last(let moved):
          count = moved
          hasEnded = true
        case .nothingYet: count = 0
        }
      }
      let (credit, reader) = octets.withUnsafeBytes { octets in server.withStreams { $0.receive(octets) } }
      state.withLock { $0.windowToServer += credit - octets.count }
      reader?.resume()
      if hasEnded {
        let reader = server.withStreams { $0.endInbound(.ok) }
        reader?.resume()
        return
      }
      if octets.isEmpty { return }
    }
  }

  private func moveResponses() {
    let (step, credit) = server.withState { $0.attend() }
    state.withLock { state in
      state.windowToServer += credit
      // Requests had their turn before this room was known; without another turn they would wait for ever.
      if credit > 0 { state.mustMoveAgain = true }
    }
    switch step {
    case .nothing: break
    case .more: break
    case .plainHeaders:
      state.withLock { $0.isResponding = true }
      client.withState { $0.receiveHeaders(Metadata(), compression: .identity) }.resume()
    case .headers(let metadata, let compression):
      state.withLock { $0.isResponding = true }
      client.withState { $0.receiveHeaders(metadata, compression: compression) }.resume()
    case .trailersOnly(let status, let metadata):
      client.end(status, trailingMetadata: metadata)
      return
    }
    guard state.withLock({ $0.isResponding }) else { return }
    while true {
      let room = state.withLock { max(0, min($0.windowToClient, InMemoryLink.chunkBytes)) }
      var end: (RPCStatus, Metadata)?
      let octets = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        let (produced, writers) = server.withState { $0.produce(into: UnsafeMutableRawBufferPointer(buffer)) }
        for writer in writers { writer.resume() }
        switch produced {
        case .octets(let moved): count = moved
        case .lastOK(let moved):
          count = moved
          end = (.ok, Metadata())
        case .last(let moved, let status, let metadata):
          count = moved
          end = (status, metadata)
        case .nothingYet: count = 0
        }
      }
      let (credit, reader) = octets.withUnsafeBytes { octets in client.withStreams { $0.receive(octets) } }
      state.withLock { $0.windowToClient += credit - octets.count }
      reader?.resume()
      if let (status, metadata) = end {
        client.end(status, trailingMetadata: metadata)
        return
      }
      if octets.isEmpty { return }
    }
  }

  /// Octets on their way to one end that were not read there.
  private static let windowBytes = 64 << 10
  private static let chunkBytes = 16 << 10
}
