internal import Metrics
internal import Provisioning
internal import Store

/// How the region is, in the numbers that an operator is woken by. Measured when somebody asks, by what `muster status` counts.
package struct RegionMeter: Sendable {
  private let context: RegionContext
  private let agentsOnline = Meter(label: "muster_region_agents_online")
  private let sessions = Meter(label: "muster_region_sessions")
  private let subnets = Meter(label: "muster_region_subnets")
  private let subnetsServed = Meter(label: "muster_region_subnets_served")
  private let subnetsBehind = Meter(label: "muster_region_subnets_behind")
  private let changesBehind = Meter(label: "muster_region_changes_behind")
  private let nodes = Meter(label: "muster_region_nodes")
  private let nodesNew = Meter(label: "muster_region_nodes_new")

  /// After metrics were set up for the process.
  package init(context: RegionContext) {
    self.context = context
  }

  /// Reads every subnet's progress, a page at a time.
  package func measure() async throws {
    let present = context.sessions.count()
    agentsOnline.set(present.online)
    sessions.set(present.connected)
    var census = RegionCensus(now: context.clocks.now())
    var key: [UInt8]? = []
    while let after = key {
      let page = try await context.store.read { try $0.subnets(after: after, limit: Self.page) }
      // What is left of the pools is no part of what is shown here.
      for row in page.items { census.count(row, poolUsed: 0, sessions: context.sessions) }
      key = page.next
    }
    subnets.set(census.subnets)
    subnetsServed.set(census.served)
    subnetsBehind.set(census.behind)
    changesBehind.set(Double(census.changesBehind))
    let counts = try await context.store.read { try $0.nodeCounts() }
    nodes.set(counts.values.reduce(0, +))
    nodesNew.set(counts[.new] ?? 0)
  }

  /// Subnets of one read of the store.
  private static let page = 1_000
}
