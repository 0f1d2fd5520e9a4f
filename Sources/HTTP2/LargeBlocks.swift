internal import CNghttp2

/// Memory of large messages goes back to the system when they are gone.
///
/// glibc raises the size from which a block stands alone to that of the largest block that was ever freed, up to
/// 32 MiB. From then on messages of such sizes share the heap with small blocks that outlive them, and one of those
/// keeps all memory below it: after an attack a server held 64 MiB that nobody used (measured).
package enum LargeBlocks {
  /// Holds for the whole process; asked for by every server when it starts.
  package static func standApart() {
    #if canImport(Glibc)
      mallopt(Option.mmapThreshold, Int32(standAloneBytesMin))
      // Setting one of them stops glibc from adapting either; its default would go back and forth under load.
      mallopt(Option.trimThreshold, Int32(trimBytesMin))
    #endif
  }

  /// Gives back to the system whatever malloc keeps, also what lies between blocks in use. Takes milliseconds for each
  /// hundred megabytes and holds up other threads that want memory meanwhile.
  package static func returnUnused() {
    #if canImport(Glibc)
      malloc_trim(0)
    #endif
  }

  /// Octets of a block that stands alone.
  private static let standAloneBytesMin = 256 << 10
  /// Octets that are free at the heap's end before they go back.
  private static let trimBytesMin = 4 << 20

  /// `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h, mallopt(3).
  private enum Option {
    static let trimThreshold: Int32 = -1
    static let mmapThreshold: Int32 = -3
  }
}
