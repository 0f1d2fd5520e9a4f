internal import NIOCore

/// Who wants to be woken at a time.
protocol Watched: Due {
  func watchIsDue()
}

/// The watches of an event loop's connections behind one timer of the loop. Everything here happens on the loop.
final class LoopWatches<Element: Watched> {
  private let loop: any EventLoop
  private var queue = DueQueue<Element>()
  private var timer: Scheduled<Void>?
  private var timerDue = NIODeadline.distantFuture

  /// Elements that are woken in one turn of the loop: to find ten thousand that are due together must not keep it from its
  /// sockets.
  static var turnMax: Int { 128 }
  /// A loop runs what is due before it looks at its sockets, so that what is put off has to be due a little later.
  static var breath: TimeAmount { .milliseconds(1) }

  init(_ loop: any EventLoop) {
    self.loop = loop
  }

  /// Wakes `element` then, in place of what it wanted before.
  func wake(_ element: Element, at due: NIODeadline) {
    queue.put(element, due: due)
    arm()
  }

  /// `element` goes away.
  func forget(_ element: Element) {
    queue.remove(element)
  }

  private func arm(notBefore earliest: NIODeadline = .uptimeNanoseconds(0)) {
    guard let first = queue.first else { return }
    let due = max(first.dueAt, earliest)
    guard due < timerDue else { return }
    timer?.cancel()
    timerDue = due
    timer = loop.assumeIsolatedUnsafeUnchecked().scheduleTask(deadline: due) { [weak self] in self?.ring() }
  }

  private func ring() {
    timer = nil
    timerDue = .distantFuture
    let now = NIODeadline.now()
    for _ in 0..<LoopWatches.turnMax {
      guard let element = queue.first, element.dueAt <= now else { break }
      queue.remove(element)
      element.watchIsDue()
    }
    arm(notBefore: now + LoopWatches.breath)
  }
}
