internal import CNghttp2

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Memory for the sessions of one thread or event loop: what they give back is kept for the next stream.
///
/// nghttp2 takes eight small blocks for each stream and gives them back at its end. With hundreds of streams under way that
/// is more than malloc keeps at hand for a thread, and its slower paths cost a tenth of a call. Blocks come from malloc and
/// are plain malloc blocks; only the way back is shorter. Not thread-safe; sessions keep it alive.
public final class SessionMemory {
  let hooks: UnsafeMutablePointer<nghttp2_mem>
  private let pool: UnsafeMutablePointer<Pool>

  public init() {
    pool = .allocate(capacity: 1)
    pool.initialize(to: Pool())
    hooks = .allocate(capacity: 1)
    hooks.initialize(
      to: nghttp2_mem(
        mem_user_data: pool,
        malloc: { size, pool in SessionMemory.pool(pool).pointee.take(size) },
        free: { block, pool in SessionMemory.pool(pool).pointee.giveBack(block) },
        calloc: { count, size, pool in
          let (total, overflow) = count.multipliedReportingOverflow(by: size)
          guard !overflow else { return nil }
          // The system knows which of its memory is still zero; large blocks need not be touched then.
          if total > SessionMemory.zeroedBytesMax { return calloc(1, total) }
          return SessionMemory.pool(pool).pointee.take(total).flatMap { memset($0, 0, total) }
        },
        // Grown blocks are large and rare, and any block of ours is one of malloc's.
        realloc: { block, size, _ in realloc(block, size) }))
  }

  deinit {
    pool.pointee.end()
    pool.deallocate()
    hooks.deallocate()
  }

  /// Octets up to which a block is zeroed here.
  private static let zeroedBytesMax = 512

  private static func pool(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Pool> {
    pointer!.assumingMemoryBound(to: Pool.self)
  }

  /// Free blocks by size. A free block begins with the address of the next one.
  struct Pool {
    private let free = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: Pool.sizes)
    private(set) var keptBytes = 0

    /// Octets of free blocks that are kept: what some hundred streams take.
    static let keptBytesMax = 256 << 10
    /// glibc's usable sizes are 24, 40, 56 and so on, up to 520 here.
    private static let sizes = 32
    private static let stepShift = 4
    private static let firstBytes = 24

    init() {
      free.initialize(repeating: nil, count: Pool.sizes)
    }

    @inline(__always)
    mutating func take(_ sizeBytes: Int) -> UnsafeMutableRawPointer? {
      // Rounded up to the next size; what is smaller than the first takes the first.
      let index = max(0, sizeBytes &- (Pool.firstBytes &- 15)) >> Pool.stepShift
      guard index < Pool.sizes, let block = free[index] else { return malloc(sizeBytes) }
      free[index] = block.load(as: UnsafeMutableRawPointer?.self)
      keptBytes &-= Pool.firstBytes &+ index << Pool.stepShift
      return block
    }

    @inline(__always)
    mutating func giveBack(_ block: UnsafeMutableRawPointer?) {
      guard let block else { return }
      let usable = Pool.usableBytes(block)
      let index = (usable &- Pool.firstBytes) >> Pool.stepShift
      guard usable >= Pool.firstBytes, index < Pool.sizes, keptBytes < Pool.keptBytesMax else {
        return Pool.toSystem(block)
      }
      block.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
      free[index] = block
      keptBytes &+= Pool.firstBytes &+ index << Pool.stepShift
    }

    /// Gives everything back; the pool must not be used any more.
    mutating func end() {
      for index in 0..<Pool.sizes {
        while let block = free[index] {
          free[index] = block.load(as: UnsafeMutableRawPointer?.self)
          Pool.toSystem(block)
        }
      }
      free.deallocate()
    }

    private static func toSystem(_ block: UnsafeMutableRawPointer) {
      #if canImport(Glibc)
        Glibc.free(block)
      #else
        Darwin.free(block)
      #endif
    }

    /// What the block has room for, at least what was asked for.
    private static func usableBytes(_ block: UnsafeMutableRawPointer) -> Int {
      #if canImport(Glibc)
        malloc_usable_size(block)
      #else
        malloc_size(block)
      #endif
    }
  }
}
