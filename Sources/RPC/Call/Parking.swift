/// The tasks that wait for a call to move on: one reader, any number of writers.
///
/// A task that is cancelled while it goes to sleep must not be missed. `epoch` counts cancellations: a waiter
/// notes it before it looks at its own cancellation, and `park` refuses a note that is out of date.
struct Parking {
  typealias Waiter = UnsafeContinuation<Void, Never>

  private var reader: Waiter?
  private var writers: [Waiter] = []
  private(set) var epoch: UInt = 0

  /// - Returns: Whether the waiter sleeps; if not, the caller resumes it at once.
  mutating func park(reader waiter: Waiter, epoch: UInt) -> Bool {
    guard epoch == self.epoch else { return false }
    precondition(reader == nil, "a stream of messages is read by one task at a time")
    reader = waiter
    return true
  }

  /// - Returns: Whether the waiter sleeps; if not, the caller resumes it at once.
  mutating func park(writer waiter: Waiter, epoch: UInt) -> Bool {
    guard epoch == self.epoch else { return false }
    writers.append(waiter)
    return true
  }

  mutating func takeReader() -> Waiter? {
    defer { reader = nil }
    return reader
  }

  mutating func takeWriters() -> [Waiter] {
    if writers.isEmpty { return [] }
    defer { writers.removeAll() }
    return writers
  }

  mutating func takeAll() -> Woken {
    Woken(reader: takeReader(), writers: takeWriters())
  }

  /// A waiting task was cancelled. Nobody knows which, so all look for themselves.
  mutating func takeAllAfterCancellation() -> Woken {
    epoch &+= 1
    return takeAll()
  }
}

/// Tasks to resume once no lock is held.
struct Woken {
  var reader: Parking.Waiter?
  var writers: [Parking.Waiter] = []

  func resume() {
    reader?.resume()
    for writer in writers { writer.resume() }
  }
}
