internal import NIOCore

/// Who waits for a turn of an event loop.
protocol TakesTurns: AnyObject {
  /// - Returns: Whether its socket is read again, which is work for the loop's next turn.
  func turnCame() -> Bool
}

/// Work that is put off until the connections that are served already had their turn.
///
/// An event loop deals with all sockets that are ready before it looks for more: when 200 peers come at once, whoever waits for
/// an answer waits for all of them. What costs more than to read a socket and is nobody's call stands in this queue instead,
/// of which the loop does a little in each turn. Everything here happens on the loop.
final class LoopTurns {
  private let loop: any EventLoop
  private let now: () -> NIODeadline
  private var waiting = CircularBuffer<any TakesTurns>()
  private var isScheduled = false
  /// Sockets that brought as much as they could in this turn and are read again in the next.
  private var fullReads = 0
  /// Who was heard last, and until when whoever else was counts as waiting.
  private var heard: ObjectIdentifier?
  private var othersUntil = NIODeadline.uptimeNanoseconds(0)

  /// Time of a turn after which the rest has to wait; what was begun is finished.
  static let workMax = TimeAmount.microseconds(100)
  /// How long somebody who was heard is expected to say more.
  private static let othersTime = TimeAmount.milliseconds(100)
  /// Sockets that are read again in the next turn; each brings up to 16 KiB into it.
  private static let readsMax = 4
  /// Octets that are dealt with before the time is looked at: 2 KiB of header fields, an octet each, take 0.1 ms.
  private static let sliceBytesMin = 2 << 10
  /// A loop runs what is due before it looks at its sockets, so that what is put off has to be due a little later.
  static let breath = TimeAmount.microseconds(20)

  init(_ loop: any EventLoop, now: @escaping () -> NIODeadline = NIODeadline.now) {
    self.loop = loop
    self.now = now
  }

  /// Somebody's octets arrived.
  @inline(__always)
  func hear(_ element: AnyObject) {
    guard heard != ObjectIdentifier(element) else { return }
    heard = ObjectIdentifier(element)
    othersUntil = now() + LoopTurns.othersTime
  }

  /// Whether somebody else may be waiting for whoever was heard last.
  var hasOthers: Bool { now() < othersUntil }

  /// Deals with octets in slices until they or the time of one turn are used up; in one go for who is alone.
  ///
  /// - Parameter body: Deals with a slice; false when no other is wanted.
  /// - Returns: How many octets were dealt with.
  @inline(__always)
  func slice<Failure: Error>(
    _ octets: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Bool
  ) throws(Failure) -> Int {
    guard octets.count > LoopTurns.sliceBytesMin, hasOthers else {
      _ = try body(octets)
      return octets.count
    }
    let began = now()
    var count = 0
    var next = LoopTurns.sliceBytesMin
    while true {
      guard try body(UnsafeRawBufferPointer(rebasing: octets[count..<next])) else { return octets.count }
      count = next
      let spent = max(1, (now() - began).nanoseconds)
      let left = LoopTurns.workMax.nanoseconds - spent
      guard count < octets.count, left > 0 else { return count }
      // As much as the time that is left allows if it goes on like this.
      next = min(octets.count, count + max(LoopTurns.sliceBytesMin, Int(left) * count / Int(spent)))
    }
  }

  /// A socket brought as much as it could.
  ///
  /// - Returns: Whether it has to wait for its turn before it is read again; otherwise it is one of those that are read.
  func mustWaitAfterFullRead() -> Bool {
    guard hasOthers else { return false }
    guard waiting.isEmpty, fullReads < LoopTurns.readsMax else { return true }
    fullReads += 1
    schedule()
    return false
  }

  /// Queues `element`, once for each call. It is kept alive until its turn has come.
  func wait(_ element: any TakesTurns) {
    waiting.append(element)
    schedule()
  }

  private func schedule() {
    guard !isScheduled else { return }
    isScheduled = true
    loop.assumeIsolatedUnsafeUnchecked().execute { self.run() }
  }

  private func run() {
    let end = now() + LoopTurns.workMax
    fullReads = 0
    while let element = waiting.popFirst() {
      if element.turnCame() { fullReads += 1 }
      if fullReads >= LoopTurns.readsMax || now() >= end { break }
    }
    isScheduled = !waiting.isEmpty
    // What the turns left for later, as the end of a connection does, comes first.
    if isScheduled { loop.assumeIsolatedUnsafeUnchecked().execute { self.breathe() } }
  }

  private func breathe() {
    loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: LoopTurns.breath) { self.run() }
  }
}
