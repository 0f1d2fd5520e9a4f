import Foundation
import Testing

@testable import Simulation

/// Whole clusters from seeds. `scripts/simulate` runs many, or one with its trace.
@Suite(.serialized) struct ClusterTests {
  /// The first seeds; more by `MUSTER_SEEDS=first-last`.
  static let seeds: [UInt64] = {
    guard let text = ProcessInfo.processInfo.environment["MUSTER_SEEDS"] else { return Array(1...6) }
    let ends = text.split(separator: "-").compactMap { UInt64($0) }
    guard let first = ends.first, let last = ends.last, first <= last else { return [] }
    return Array(first...last)
  }()

  static let isVerbose = ProcessInfo.processInfo.environment["MUSTER_TRACE"] != nil

  @Test(arguments: seeds) func promisesHoldWhateverGoesWrong(seed: UInt64) throws {
    var plan = Cluster.Plan()
    // A new owner does not learn the leases of the pool, and would give their addresses to others.
    plan.movesSubnets = false
    try expectPromises(of: seed, plan)
  }

  private func expectPromises(of seed: UInt64, _ plan: Cluster.Plan) throws {
    let report = try Cluster(seed: seed, plan: plan, listener: Self.isVerbose ? { print($0) } : nil).run()
    print(report.summary)
    let tail = report.violations.isEmpty ? "" : report.tail.suffix(60).joined(separator: "\n")
    #expect(report.violations.isEmpty, "\(report.summary)\n\(tail)")
    #expect(report.acknowledged > 30 && report.grants > 10 && report.faults > 10, "the seed does too little")
  }

  @Test func aQuietClusterConverges() throws {
    var plan = Cluster.Plan()
    (plan.agents, plan.subnets, plan.duration, plan.faults, plan.movesSubnets) = (2, 2, .seconds(20), [], false)
    let report = try Cluster(seed: 1, plan: plan).run()
    #expect(report.violations.isEmpty, "\(report.summary)\n\(report.tail.suffix(60).joined(separator: "\n"))")
    #expect(report.lost == 0)
  }

  @Test func aSeedRunsTheSameEveryTime() throws {
    var plan = Cluster.Plan()
    plan.duration = .seconds(40)
    var runs: [[String]] = [[], []]
    var hashes: [UInt64] = []
    for run in 0..<2 {
      let report = try Cluster(seed: 7, plan: plan) { runs[run].append($0) }.run()
      hashes.append(report.hash)
    }
    let first = zip(runs[0], runs[1]).first { $0 != $1 }
    #expect(first == nil)
    #expect(runs[0].count == runs[1].count)
    #expect(hashes[0] == hashes[1], "the lines agree; the order of steps does not")
  }

  @Test func anotherSeedIsAnotherRun() throws {
    var plan = Cluster.Plan()
    plan.duration = .seconds(5)
    #expect(try Cluster(seed: 1, plan: plan).run().hash != Cluster(seed: 2, plan: plan).run().hash)
  }
}
