import RPC
import Testing
import Wire

@testable import LoadHarness
@testable import Simulation

/// Whole runs against a real region, in virtual time.
@Suite(.serialized) struct LoadRunTests {
  private final class Outcome: @unchecked Sendable {
    var report: LoadReport?
    var words = ""
  }

  /// - Parameter stall: When the region stands still, from the start of the load.
  private func run(_ load: Workload, after first: Workload? = nil, stall: ClosedRange<Duration>? = nil) throws -> LoadReport {
    let world = World(seed: 1)
    let network = SimulatedNetwork(world)
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let region = try RegionHost(world: world, network: network, scratch: scratch)
    try region.start()
    let process = SimulatedProcess(name: "load", number: 1, world: world)
    let channel = SimulatedChannel(
      process, on: "client", to: RegionHost.address, over: network, keepalive: (.seconds(100), .seconds(100)))
    let outcome = Outcome()
    let regionProcess = region.process
    process.start {
      do {
        let subnets = MusterV1.SubnetServiceClient(channel: channel)
        _ = try await subnets.createSubnet(.init(subnet: .init(name: "hall1", prefix: "10.0.0.0/16")))
        let clock = VirtualClock(process: process)
        if let first { _ = try await LoadRun(workload: first, channels: [channel], token: nil, clock: clock).run() }
        if let stall {
          world.after(stall.lowerBound) { regionProcess?.stop() }
          world.after(stall.upperBound) { regionProcess?.resume() }
        }
        outcome.report = try await LoadRun(workload: load, channels: [channel], token: nil, clock: clock).run()
      } catch {
        outcome.words = "\(error)"
      }
    }
    #expect(world.run(until: .seconds(600)) { outcome.report != nil }, "\(outcome.words) \(world.violations)")
    process.kill()
    try region.kill(isPowerLoss: true)
    return try #require(outcome.report)
  }

  private func load(
    _ operation: Workload.Operation, count: Int = 1_000, pattern: Arrivals.Pattern = .even
  ) -> Workload {
    Workload(operation: operation, count: count, rate: 100, pattern: pattern, subnet: "hall1")
  }

  @Test(arguments: [.even, .random(seed: 3)] as [Arrivals.Pattern])
  func everyOperationIsSentAndAnswered(pattern: Arrivals.Pattern) throws {
    let report = try run(load(.add, pattern: pattern))
    #expect(report.succeeded == 1_000)
    #expect(report.isClean)
    // A virtual disk takes at most three milliseconds, and two batches may be ahead.
    #expect(report.latency.max < 50_000)
    #expect(report.elapsed > .seconds(8) && report.elapsed < .seconds(12))
  }

  @Test func aStallShowsInEveryOperationThatFellIntoIt() throws {
    let report = try run(load(.add), stall: .seconds(2) ... .seconds(7))
    #expect(report.succeeded == 1_000)
    // Half of the operations had to start within the stall, and waited for its end. Counted from when they were sent,
    // by callers that wait for each other, one of them would have been slow.
    #expect(report.latency.p50 < 1_000_000)
    #expect(report.latency.p90 > 3_500_000 && report.latency.p90 < 4_500_000)
    #expect(report.latency.max > 4_900_000)
    #expect(report.elapsed < .seconds(11), "the loop is open: a stall does not slow the load down")
  }

  @Test(arguments: [.tag, .move, .get, .remove] as [Workload.Operation])
  func operationsFindTheNodesThatARunAdded(operation: Workload.Operation) throws {
    let report = try run(load(operation, count: 200), after: load(.add, count: 200))
    #expect(report.succeeded == 200, "\(report.text)")
  }

  @Test func whatTheRegionRefusesIsCountedByItsStatus() throws {
    let report = try run(load(.get, count: 200))
    #expect(report.succeeded == 0)
    #expect(report.failed == ["NOT_FOUND": 200])
  }
}
