/// What is due when, by virtual time; of what is due at one instant, what was asked for first.
struct TimerQueue {
  private struct Entry {
    var due: Duration
    var id: UInt64
    var action: () -> Void
  }

  /// A binary heap.
  private var entries: [Entry] = []
  private var lastID: UInt64 = 0

  /// When the next is due.
  var nextDue: Duration? { entries.first?.due }

  mutating func add(due: Duration, _ action: @escaping () -> Void) {
    lastID += 1
    entries.append(Entry(due: due, id: lastID, action: action))
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard isBefore(index, parent) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  mutating func pop() -> (due: Duration, action: () -> Void)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return (first.due, first.action)
  }

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    (entries[a].due, entries[a].id) < (entries[b].due, entries[b].id)
  }

  private mutating func sink() {
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count && isBefore(child, least) { least = child }
      guard least != index else { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
