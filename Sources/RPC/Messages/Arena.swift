internal import CProtobufC

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Memory for the C side of one message: taken by moving a pointer, given back all at once.
///
/// It serves both directions: libprotobuf-c unpacks into it through `ProtobufCAllocator`, and generated code
/// fills C structs in it before they are packed. It owns its blocks and frees them in `deinit`; no pointer into
/// it may outlive it, which generated code guarantees by copying everything out.
package struct Arena: ~Copyable {
  /// Octets of the first block when nothing better is known. Most messages fit, and with the state it is just
  /// within what Swift takes from the stack (1,024 octets) and malloc keeps at hand for each thread (1,032 in glibc).
  package static let firstBlockBytes = 960
  /// Every allocation begins at a multiple of this, enough for all fields of protobuf-c structs.
  private static let alignmentBytes = 8

  /// Stands at the start of the first block, so that C can hold its address while the arena itself moves.
  private let state: UnsafeMutablePointer<State>

  /// - Parameters:
  ///   - capacityBytes: What is expected to be needed; one block of this size is taken from malloc at once.
  ///   - limitBytes: What may be taken in all. `allocate` for our own structs ignores it: what we encode is ours.
  package init(capacityBytes: Int, limitBytes: Int) {
    let sizeBytes = MemoryLayout<State>.stride + capacityBytes
    let block = Self.block(sizeBytes)
    state = block.bindMemory(to: State.self, capacity: 1)
    state.initialize(
      to: State(
        next: block + MemoryLayout<State>.stride, end: block + sizeBytes, later: nil,
        leftBytes: limitBytes, blockBytes: capacityBytes))
  }

  /// Lends an arena whose first block is on the stack, for messages of ours: most need no other.
  package static func lend(_ body: (borrowing Arena) -> Void) {
    withUnsafeTemporaryAllocation(
      byteCount: MemoryLayout<State>.stride + firstBlockBytes, alignment: MemoryLayout<State>.alignment
    ) { room in
      body(Arena(borrowing: room))
    }
  }

  /// - Parameter room: Outlives the arena.
  private init(borrowing room: UnsafeMutableRawBufferPointer) {
    let block = room.baseAddress!
    state = block.bindMemory(to: State.self, capacity: 1)
    state.initialize(
      to: State(
        next: block + MemoryLayout<State>.stride, end: block + room.count, later: nil, leftBytes: .max,
        blockBytes: Arena.firstBlockBytes, isBorrowed: true))
  }

  deinit {
    var block = state.pointee.later
    while let current = block {
      block = current.load(as: UnsafeMutableRawPointer?.self)
      free(current)
    }
    if !state.pointee.isBorrowed { free(state) }
  }

  /// From malloc itself: Swift's allocation asks for an alignment that malloc gives anyway, by a slower way.
  fileprivate static func block(_ sizeBytes: Int) -> UnsafeMutableRawPointer {
    guard let block = malloc(sizeBytes) else { fatalError("out of memory") }
    return block
  }

  /// Uninitialised memory for one value. Generated code initialises it by the message's `__init`.
  package func allocate<Value>(_ type: Value.Type) -> UnsafeMutablePointer<Value> {
    allocate(type, count: 1)
  }

  /// Uninitialised memory for `count` values.
  package func allocate<Value>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
    state.pointee.take(MemoryLayout<Value>.stride * count, isLimited: false)!
      .bindMemory(to: type, capacity: count)
  }

  /// The text with the NUL that C expects. A NUL inside it would cut the text short, so it becomes a `?`.
  package func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    var text = text
    return text.withUTF8 { utf8 in
      let copy = allocate(CChar.self, count: utf8.count + 1)
      if let start = utf8.baseAddress {
        UnsafeMutableRawPointer(copy).copyMemory(from: start, byteCount: utf8.count)
      }
      copy[utf8.count] = 0
      // Where strlen stops early stands a NUL of the text itself.
      var length = strlen(copy)
      while length < utf8.count {
        copy[length] = CChar(bitPattern: UInt8(ascii: "?"))
        length += strlen(copy + length)
      }
      return copy
    }
  }

  /// A copy of the octets; nil for none.
  package func bytes(_ bytes: [UInt8]) -> UnsafeMutablePointer<UInt8>? {
    guard !bytes.isEmpty else { return nil }
    return bytes.withUnsafeBufferPointer { source in
      let copy = allocate(UInt8.self, count: source.count)
      copy.initialize(from: source.baseAddress!, count: source.count)
      return copy
    }
  }

  /// Encodes a filled C message into memory the caller provides; see `Message.serialize(into:)`.
  package func pack(
    _ message: UnsafeRawPointer, into allocate: (_ sizeBytes: Int) -> UnsafeMutableRawBufferPointer
  ) {
    let message = message.assumingMemoryBound(to: ProtobufCMessage.self)
    let sizeBytes = protobuf_c_message_get_packed_size(message)
    let target = allocate(sizeBytes)
    precondition(target.count == sizeBytes, "a message's target must have exactly its size")
    guard let start = target.baseAddress, sizeBytes > 0 else { return }
    let written = protobuf_c_message_pack(message, start.assumingMemoryBound(to: UInt8.self))
    precondition(written == sizeBytes, "libprotobuf-c wrote another size than it promised")
  }

  /// Lets libprotobuf-c unpack one message into the arena.
  ///
  /// - Returns: The C struct, or nil when the input is malformed or the limit is reached.
  func unpack(
    _ bytes: UnsafeRawBufferPointer, descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> UnsafeMutableRawPointer? {
    // libprotobuf-c borrows the allocator and the bytes for this call and copies what it keeps.
    var allocator = ProtobufCAllocator(
      alloc: arenaAllocate, free: arenaFree, allocator_data: UnsafeMutableRawPointer(state))
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    return UnsafeMutableRawPointer(protobuf_c_message_unpack(descriptor, &allocator, bytes.count, start))
  }

  struct State {
    var next: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
    /// The newest of the further blocks; each begins with the address of the one before it.
    var later: UnsafeMutableRawPointer?
    /// What may still be taken by limited requests.
    var leftBytes: Int
    var blockBytes: Int
    /// The first block is somebody else's.
    var isBorrowed = false

    mutating func take(_ sizeBytes: Int, isLimited: Bool) -> UnsafeMutableRawPointer? {
      let rounded = (sizeBytes + (Arena.alignmentBytes - 1)) & ~(Arena.alignmentBytes - 1)
      if isLimited {
        guard rounded <= leftBytes else { return nil }
        leftBytes -= rounded
      }
      if next + rounded > end { addBlock(atLeast: rounded) }
      defer { next += rounded }
      return next
    }

    /// Blocks double, so that a large message takes few of them.
    private mutating func addBlock(atLeast neededBytes: Int) {
      let header = 16
      blockBytes = max(blockBytes * 2, neededBytes)
      let block = Arena.block(header + blockBytes)
      block.storeBytes(of: later, as: UnsafeMutableRawPointer?.self)
      later = block
      next = block + header
      end = next + blockBytes
    }
  }
}
