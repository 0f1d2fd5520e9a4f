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
          guard !overflow, let block = SessionMemory.pool(pool).pointee.take(total) else { return nil }
          return memset(block, 0, total)
        },
        // Grown blocks are large and rare, and any block of ours is one of malloc's.
        realloc: { block, size, _ in realloc(block, size) }))
  }

  deinit {
    pool.pointee.removeAll()
    pool.deallocate()
    hooks.deallocate()
  }

  private static func pool(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Pool> {
    pointer!.assumingMemoryBound(to: Pool.self)
  }

  /// Free blocks by size. A free block begins with the address of the next one.
  struct Pool {
    private var free: InlineArray<32, UnsafeMutableRawPointer?> = .init(repeating: nil)
    private(set) var keptBytes = 0

    /// Octets of free blocks that are kept: what some hundred streams take.
    static let keptBytesMax = 256 << 10
    /// glibc's usable sizes are 24, 40, 56, …
    private static let stepBytes = 16
    private static let firstBytes = 24

    @inline(__always)
    mutating func take(_ sizeBytes: Int) -> UnsafeMutableRawPointer? {
      let index = max(0, sizeBytes - Pool.firstBytes + Pool.stepBytes - 1) / Pool.stepBytes
      guard index < free.count, let block = free[index] else { return malloc(sizeBytes) }
      free[index] = block.load(as: UnsafeMutableRawPointer?.self)
      keptBytes -= Pool.firstBytes + index * Pool.stepBytes
      return block
    }

    @inline(__always)
    mutating func giveBack(_ block: UnsafeMutableRawPointer?) {
      guard let block else { return }
      let usable = Pool.usableBytes(block)
      let index = (usable - Pool.firstBytes) / Pool.stepBytes
      guard usable >= Pool.firstBytes, index < free.count, keptBytes < Pool.keptBytesMax else {
        return Pool.toSystem(block)
      }
      block.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
      free[index] = block
      keptBytes += Pool.firstBytes + index * Pool.stepBytes
    }

    mutating func removeAll() {
      for index in free.indices {
        while let block = free[index] {
          free[index] = block.load(as: UnsafeMutableRawPointer?.self)
          Pool.toSystem(block)
        }
      }
      keptBytes = 0
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
