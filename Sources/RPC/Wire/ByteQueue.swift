#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Octets in at the end, out at the front, in one contiguous piece of memory that is kept for reuse.
///
/// An array would do, but its memory moves behind a closure, and both ends of a call want a plain pointer:
/// encoders fill the tail, nghttp2 and decoders read the front. Nobody else knows its memory, so it may change threads.
struct ByteQueue: ~Copyable, @unchecked Sendable {
  private var base: UnsafeMutableRawPointer?
  /// Octets of memory that are taken.
  private(set) var capacity = 0
  private var head = 0
  private var tail = 0

  init() {}

  deinit { free(base) }

  var count: Int { tail - head }
  var isEmpty: Bool { tail == head }

  /// What is queued. Valid until the next mutating call.
  var bytes: UnsafeRawBufferPointer {
    guard let base, tail > head else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base + head, count: tail - head)
  }

  mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let from = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    memcpy(base! + tail, from, source.count)
    tail += source.count
  }

  /// Lengthens the queue by `sizeBytes` octets that the caller fills before it does anything else with the queue.
  mutating func extend(by sizeBytes: Int) -> UnsafeMutableRawBufferPointer {
    reserve(sizeBytes)
    let room = UnsafeMutableRawBufferPointer(start: base! + tail, count: sizeBytes)
    tail += sizeBytes
    return room
  }

  mutating func withMutableBytes(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
    guard let base, tail > head else { return }
    body(UnsafeMutableRawBufferPointer(start: base + head, count: tail - head))
  }

  mutating func removeFirst(_ sizeBytes: Int) {
    precondition(sizeBytes <= count)
    head += sizeBytes
    // A stream may live for days after one large message.
    if head == tail { reset(keepBytesMax: ByteQueue.idleBytesMax) }
  }

  /// Takes back the last `sizeBytes` octets.
  mutating func removeLast(_ sizeBytes: Int) {
    precondition(sizeBytes <= count)
    tail -= sizeBytes
  }

  /// Empties the queue; memory above `keepBytesMax` goes back to the system.
  mutating func reset(keepBytesMax: Int) {
    head = 0
    tail = 0
    if capacity > keepBytesMax {
      free(base)
      base = nil
      capacity = 0
    }
  }

  private mutating func reserve(_ sizeBytes: Int) {
    if capacity - tail >= sizeBytes, base != nil { return }
    let used = tail - head
    // Room at the front is used before memory is asked for, but only when at least half is free: moving
    // then costs less than one copy an octet.
    if capacity - used >= sizeBytes, head >= capacity / 2, let base {
      memmove(base, base + head, used)
    } else {
      let wanted = ByteQueue.capacity(after: capacity, for: used + sizeBytes)
      if head == 0 {
        // Large pieces are moved by the system's page tables.
        base = realloc(base, wanted)!
      } else {
        let grown = malloc(wanted)!
        if let base {
          memcpy(grown, base + head, used)
          free(base)
        }
        base = grown
      }
      capacity = wanted
    }
    head = 0
    tail = used
  }

  /// Doubles; but a queue beyond 1 MiB grows by a quarter, so that it holds little more than it needs.
  private static func capacity(after capacity: Int, for sizeBytes: Int) -> Int {
    if sizeBytes > largeBytesMin { return max(sizeBytes, capacity + capacity / 4) }
    var wanted = max(capacity * 2, capacityBytesMin)
    while wanted < sizeBytes { wanted *= 2 }
    return wanted
  }

  private static let largeBytesMin = 1 << 20
  /// Octets of memory that an empty queue keeps: what a stream at full speed needs again at once.
  static let idleBytesMax = 128 << 10
  /// Octets of the first allocation: most control-plane messages with their prefix fit.
  static let capacityBytesMin = 256
}
