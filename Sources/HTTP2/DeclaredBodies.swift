/// How much is still to come of the bodies whose requests said how long they are (`content-length`, RFC 9113 §8.1.1).
///
/// Streams begin in the order of their numbers, and most bodies come in that order too.
struct DeclaredBodies {
  private struct Body {
    var stream: Int32
    var leftBytes: Int64
  }

  /// By stream. What stands before `first` has ended.
  private var bodies: [Body] = []
  private var first = 0

  /// - Parameter stream: Higher than all before.
  mutating func declare(_ stream: Int32, _ sizeBytes: Int64) {
    bodies.append(Body(stream: stream, leftBytes: sizeBytes))
  }

  /// - Returns: Whether the body is not longer than its request said.
  @inline(__always)
  mutating func received(_ sizeBytes: Int, of stream: Int32) -> Bool {
    guard let index = index(of: stream) else { return true }
    bodies[index].leftBytes -= Int64(sizeBytes)
    return bodies[index].leftBytes >= 0
  }

  /// - Returns: Whether the body is as long as its request said.
  @inline(__always)
  mutating func end(_ stream: Int32) -> Bool {
    guard let index = index(of: stream) else { return true }
    let isWhole = bodies[index].leftBytes == 0
    if index == first {
      first += 1
    } else {
      bodies.remove(at: index)
    }
    if first == bodies.count {
      bodies.removeAll(keepingCapacity: first <= DeclaredBodies.endedMax)
      first = 0
    } else if first > DeclaredBodies.endedMax {
      bodies.removeFirst(first)
      first = 0
    }
    return isWhole
  }

  @inline(__always)
  private func index(of stream: Int32) -> Int? {
    guard first < bodies.count else { return nil }
    return bodies[first].stream == stream ? first : search(stream)
  }

  private func search(_ stream: Int32) -> Int? {
    var (low, high) = (first, bodies.count)
    while low < high {
      let middle = (low + high) / 2
      if bodies[middle].stream < stream { low = middle + 1 } else { high = middle }
    }
    return low < bodies.count && bodies[low].stream == stream ? low : nil
  }

  /// Places of ended bodies that may stand before the others, and that an idle connection keeps.
  private static let endedMax = 64
}
