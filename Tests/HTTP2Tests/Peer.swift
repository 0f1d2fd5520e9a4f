@testable import HTTP2

/// A session with a delegate that remembers what it was told.
final class Peer: SessionDelegate {
  final class Stream {
    let id: StreamID
    var fields: [(String, String)] = []
    var kinds: [HeadersKind] = []
    var data: [UInt8] = []
    var hasEnded = false
    var closed: ErrorCode?
    /// What `produceData` gives; then END_STREAM.
    var body: [UInt8] = []
    var isTooLarge = false

    init(id: StreamID) { self.id = id }
  }

  let session: Session
  private(set) var streams: [StreamID: Stream] = [:]
  private(set) var goAway: ErrorCode?
  private(set) var pings: [UInt64] = []
  var now: UInt64 = 0
  var consumes = true
  /// Whether it wants to be told of known fields by a mark.
  var marksFields = false
  private var marked: [(String, String)] = []
  private(set) var shownAgain = 0

  init(
    _ role: Session.Role, settings: SessionSettings = SessionSettings(), limits: SessionLimits = SessionLimits(),
    memory: SessionMemory? = nil
  ) {
    session = Session(role: role, settings: settings, limits: limits, memory: memory, now: 0)
    session.start(delegate: self)
  }

  func receive(_ octets: [UInt8]) throws(HTTP2Error) {
    let result = octets.withUnsafeBytes { octets -> Result<Void, HTTP2Error> in
      do throws(HTTP2Error) {
        return .success(try session.receive(octets, now: now))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  var isFinished: Bool { session.isFinished }

  /// Everything there is to send now.
  func output() throws(HTTP2Error) -> [UInt8] {
    var result: [UInt8] = []
    while let octets = try session.nextOutput() { result.append(contentsOf: octets) }
    return result
  }

  func request(body: [UInt8], hasBody: Bool = true) -> Stream {
    let stream = Stream(id: StreamID(rawValue: 0))
    stream.body = body
    let fields = HeaderFields([":method": "POST", ":scheme": "http", ":path": "/", ":authority": "x"])
    let id = session.submitRequest(fields, stream: stream, hasBody: hasBody)!
    streams[id] = stream
    return stream
  }

  func respond(_ id: StreamID, body: [UInt8]) {
    streams[id]?.body = body
    session.submitResponse(id, HeaderFields([":status": "200"]), hasBody: true)
  }

  // MARK: SessionDelegate

  func streamOpened(_ id: StreamID) -> Unmanaged<AnyObject>? {
    let stream = Stream(id: id)
    streams[id] = stream
    return .passUnretained(stream)
  }

  func received(
    fieldName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, on stream: AnyObject
  ) -> FieldMark? {
    let field = (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    (stream as! Stream).fields.append(field)
    guard marksFields else { return nil }
    marked.append(field)
    return FieldMark(rawValue: UInt(marked.count - 1))
  }

  func receivedAgain(_ mark: FieldMark, on stream: AnyObject) {
    (stream as! Stream).fields.append(marked[Int(mark.rawValue)])
    shownAgain += 1
  }

  func receivedHeaders(_ kind: HeadersKind, on stream: AnyObject, id: StreamID, isTooLarge: Bool) {
    (stream as! Stream).kinds.append(kind)
    (stream as! Stream).isTooLarge = isTooLarge
  }

  func received(data: UnsafeRawBufferPointer, on stream: AnyObject, id: StreamID) {
    (stream as! Stream).data.append(contentsOf: data)
    if consumes { session.consume(id, data.count) }
  }

  func receivedEnd(on stream: AnyObject, id: StreamID) { (stream as! Stream).hasEnded = true }

  func streamClosed(_ stream: AnyObject, id: StreamID, code: ErrorCode) { (stream as! Stream).closed = code }

  func produceData(for stream: AnyObject, id: StreamID, into room: UnsafeMutableRawBufferPointer) -> Production {
    let stream = stream as! Stream
    let count = min(room.count, stream.body.count)
    room.copyBytes(from: stream.body[..<count])
    stream.body.removeFirst(count)
    return stream.body.isEmpty ? .end(count) : .octets(count)
  }

  func receivedGoAway(lastStream: StreamID, code: ErrorCode, message: String) { goAway = code }
  func receivedPingAcknowledgement(_ payload: UInt64) { pings.append(payload) }
  func receivedSettings() {}
}

/// Carries octets between two peers until both are silent.
func exchange(_ a: Peer, _ b: Peer) throws {
  while true {
    let fromA = try a.output()
    if !fromA.isEmpty { try b.receive(fromA) }
    let fromB = try b.output()
    if !fromB.isEmpty { try a.receive(fromB) }
    if fromA.isEmpty, fromB.isEmpty { return }
  }
}
