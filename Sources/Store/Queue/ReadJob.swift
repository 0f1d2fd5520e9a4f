internal import Provisioning

/// One read that waits for a connection.
struct ReadJob: Sendable {
  /// Runs the body on a snapshot and answers the caller.
  let run: @Sendable (any Tables) -> Void
  /// Answers the caller without running the body.
  let refuse: @Sendable (StoreError) -> Void

  init<Value: Sendable>(
    _ continuation: CheckedContinuation<Value, any Error>, environment: StoreEnvironment,
    _ body: @escaping @Sendable (borrowing Snapshot) throws -> Value
  ) {
    refuse = { continuation.resume(throwing: $0) }
    run = { tables in
      let snapshot = Snapshot(tables: tables, now: environment.now(), leaseNow: environment.leaseClock.now)
      continuation.resume(with: Result { try body(snapshot) })
    }
  }
}
