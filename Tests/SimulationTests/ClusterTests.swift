import Foundation
import Testing

@testable import Simulation

/// Whole clusters from seeds. `scripts/simulate` runs many, or one with its trace.
@Suite(.serialized) struct ClusterTests {
  /// The first seeds; more by `MUSTER_SEEDS=first-last`.
  static let seeds: [UInt64] = {
    guard let text = ProcessInfo.processInfo.environment["MUSTER_SEEDS"] else { return Array(1...12) }
    let ends = text.split(separator: "-").compactMap { UInt64($0) }
    guard let first = ends.first, let last = ends.last, first <= last else { return [] }
    return Array(first...last)
  }()

  static let isVerbose = ProcessInfo.processInfo.environment["MUSTER_TRACE"] != nil

  /// What a run showed.
  private struct Outcome: Sendable {
    var summary: String
    var isKept: Bool
    var tail: String
    var acknowledged: Int
    var grants: Int
    var faults: Int
    var lost: Int
    var hash: UInt64
    var lines: [String]
  }

  /// Plays a cluster on a thread of its own: a simulation never waits, and would hold a thread that others' tests need.
  private func play(_ seed: UInt64, _ plan: Cluster.Plan, keepsLines: Bool = false) async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread {
        continuation.resume(
          with: Result {
            var lines: [String] = []
            let isVerbose = Self.isVerbose
            let report = try Cluster(seed: seed, plan: plan) { line in
              if isVerbose { print(line) }
              if keepsLines { lines.append(line) }
            }.run()
            return Outcome(
              summary: report.summary, isKept: report.violations.isEmpty, tail: report.tail.suffix(60).joined(separator: "\n"),
              acknowledged: Int(report.acknowledged), grants: Int(report.grants), faults: Int(report.faults),
              lost: Int(report.lost), hash: report.hash, lines: lines)
          })
      }
      thread.stackSize = 16 << 20
      thread.start()
    }
  }

  @Test(arguments: seeds) func promisesHoldWhateverGoesWrong(seed: UInt64) async throws {
    let outcome = try await play(seed, Cluster.Plan())
    print(outcome.summary)
    #expect(outcome.isKept, "\(outcome.summary)\n\(outcome.tail)")
    #expect(outcome.acknowledged > 30 && outcome.grants > 10 && outcome.faults > 10, "the seed does too little")
  }

  @Test func aQuietClusterConverges() async throws {
    var plan = Cluster.Plan()
    (plan.agents, plan.subnets, plan.duration, plan.faults, plan.movesSubnets) = (2, 2, .seconds(20), [], false)
    let outcome = try await play(1, plan)
    #expect(outcome.isKept, "\(outcome.summary)\n\(outcome.tail)")
    #expect(outcome.lost == 0)
  }

  @Test func aSeedRunsTheSameEveryTime() async throws {
    var plan = Cluster.Plan()
    plan.duration = .seconds(40)
    let first = try await play(7, plan, keepsLines: true)
    let second = try await play(7, plan, keepsLines: true)
    #expect(zip(first.lines, second.lines).first { $0 != $1 } == nil)
    #expect(first.lines.count == second.lines.count)
    #expect(first.hash == second.hash, "the lines agree; the order of steps does not")
  }

  @Test func anotherSeedIsAnotherRun() async throws {
    var plan = Cluster.Plan()
    plan.duration = .seconds(5)
    let first = try await play(1, plan)
    let second = try await play(2, plan)
    #expect(first.hash != second.hash)
  }
}
