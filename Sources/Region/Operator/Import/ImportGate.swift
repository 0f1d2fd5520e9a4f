internal import RPC
internal import Synchronization

/// Lets few imports run at once: each keeps all its rows in memory until they are checked.
final class ImportGate: Sendable {
  /// Imports at once. Together their rows take at most `ImportSpool.sizeBytesMax` each.
  static let runningMax = 2

  private let running = Mutex(0)

  /// - Throws: `RPCError(.resourceExhausted)` when too many run already.
  func withTurn<Value>(_ body: () async throws -> Value) async throws -> Value {
    let isAdmitted = running.withLock { running in
      guard running < Self.runningMax else { return false }
      running += 1
      return true
    }
    guard isAdmitted else {
      throw RPCError(.resourceExhausted, "\(Self.runningMax) imports are running already; try again when one is done")
    }
    defer { running.withLock { $0 -= 1 } }
    return try await body()
  }
}
