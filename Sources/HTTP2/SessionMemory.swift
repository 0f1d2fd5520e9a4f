internal import CNghttp2

/// Where nghttp2 takes its memory from.
enum SessionMemory {
  /// nil: malloc. glibc's per-thread cache serves nghttp2's few small sizes in about 20 ns.
  nonisolated(unsafe) static let hooks: UnsafeMutablePointer<nghttp2_mem>? = nil
}
