/// What a run showed.
package struct Report: Sendable {
  package var seed: UInt64
  /// Of everything that happened. The same seed has the same, always.
  package var hash: UInt64
  /// Lines of the trace.
  package var lines: Int
  package var steps: Int
  /// On the virtual clock.
  package var time: Duration
  package var violations: [Violation]
  /// The last lines of the trace.
  package var tail: [String]
  /// Mutations that were answered OK, refused, or whose answer was lost.
  package var acknowledged: Int
  package var refused: Int
  package var lost: Int
  package var faults: Int
  /// Addresses given or renewed by DHCP.
  package var grants: Int

  /// One line for people.
  package var summary: String {
    let verdict = violations.first.map { "BROKEN \($0)" } ?? "ok"
    return "seed \(seed): \(verdict); \(Trace.text(time)) s, \(steps) steps, \(faults) faults, "
      + "\(acknowledged) edits acknowledged, \(refused) refused, \(lost) lost, \(grants) leases, "
      + "trace \(String(hash, radix: 16))"
  }
}
