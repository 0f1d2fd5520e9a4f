internal import NIOCore

/// Something that is due at a time, and knows its place in the queue of its like.
protocol Due: AnyObject {
  var dueAt: NIODeadline { get set }
  /// Kept by the queue; nil outside of it.
  var placeInQueue: Int? { get set }
}

/// What is due, the earliest first: a binary heap whose elements know their places, so that each can leave at any time.
///
/// An event loop's own timers would do. But each takes about 400 octets, and every connection has one while it is idle.
struct DueQueue<Element: Due> {
  private var heap: [Element] = []

  var first: Element? { heap.first }

  /// Puts an element where `dueAt` belongs, also one that is queued already.
  mutating func put(_ element: Element, due: NIODeadline) {
    element.dueAt = due
    if let place = element.placeInQueue {
      sink(place)
      rise(element.placeInQueue!)
    } else {
      heap.append(element)
      rise(heap.count - 1)
    }
  }

  mutating func remove(_ element: Element) {
    guard let place = element.placeInQueue else { return }
    element.placeInQueue = nil
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    last.placeInQueue = place
    sink(place)
    rise(last.placeInQueue!)
  }

  private mutating func rise(_ place: Int) {
    let element = heap[place]
    var place = place
    while place > 0 {
      let parent = (place - 1) / 2
      guard element.dueAt < heap[parent].dueAt else { break }
      heap[place] = heap[parent]
      heap[place].placeInQueue = place
      place = parent
    }
    heap[place] = element
    element.placeInQueue = place
  }

  private mutating func sink(_ place: Int) {
    let element = heap[place]
    var place = place
    while true {
      var child = 2 * place + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].dueAt < heap[child].dueAt { child += 1 }
      guard heap[child].dueAt < element.dueAt else { break }
      heap[place] = heap[child]
      heap[place].placeInQueue = place
      place = child
    }
    heap[place] = element
    element.placeInQueue = place
  }
}
