/// Decides when memory that connections no longer use goes back to the system.
///
/// What a thousand connections held lies between what the others still hold, and malloc keeps all of it: 10,000 that
/// had come and gone left 180 MiB behind (measured). Asking malloc to look for it costs milliseconds, so it is asked only
/// after use fell by much.
struct HeapReturn {
  /// How long use may fall on before malloc is asked, in nanoseconds; also the shortest time between two times.
  static let delayNanoseconds: Int64 = 1_000_000_000
  /// Octets by which use has to fall.
  static let fallBytesMin = 16 << 20
  /// Connections that came and went, after which malloc is asked too: each leaves a little between what others hold.
  static let closedMax = 4_096
  /// Octets that a connection holds beside what it reports, roughly.
  static let connectionBytes = 16 << 10

  private var reportedBytes = 0
  private var connections = 0
  private var closed = 0
  /// The most that was used since malloc was asked last.
  private var highBytes = 0
  private var isPlanned = false

  private var usedBytes: Int { reportedBytes + connections * HeapReturn.connectionBytes }

  /// - Returns: Whether to ask malloc after the delay.
  mutating func held(_ reportedBytes: Int) -> Bool {
    self.reportedBytes = reportedBytes
    return plan()
  }

  /// - Returns: Whether to ask malloc after the delay.
  mutating func connections(_ count: Int) -> Bool {
    if count < connections { closed += 1 }
    connections = count
    return plan()
  }

  /// malloc is being asked now.
  mutating func begin() {
    isPlanned = false
    closed = 0
    highBytes = usedBytes
  }

  private mutating func plan() -> Bool {
    highBytes = max(highBytes, usedBytes)
    guard !isPlanned, highBytes - usedBytes >= HeapReturn.fallBytesMin || closed >= HeapReturn.closedMax else { return false }
    isPlanned = true
    return true
  }
}
