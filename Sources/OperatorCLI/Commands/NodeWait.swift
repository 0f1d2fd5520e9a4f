internal import ArgumentParser
internal import RPC
internal import Wire

struct NodeWait: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a node boots as far as a stage, or is served.",
    discussion: "Stages: discover, ack, loader, script, kernel, phone-home. 'served' waits for its rack's configuration.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The node's name.") var name: String
  @Option(name: .customLong("for"), help: "What to wait for.") var goal: Goal
  @Option(help: "Give up after this long.") var timeout: DurationArgument = DurationArgument(seconds: 600)
  @Option(help: "Also count what happened within this long before now.") var since: DurationArgument?

  enum Goal: String, ExpressibleByArgument, CaseIterable {
    case discover, ack, loader, script, kernel, served
    case phoneHome = "phone-home"
  }

  func run(_ region: RegionConnection) async throws {
    goal == .served ? try await waitServed(region) : try await waitBooted(region)
  }

  private func waitServed(_ region: RegionConnection) async throws {
    let node = try await region.node(name)
    guard let subnet = node.bootInterface?.subnet, !subnet.isEmpty, let head = node.status?.head, head > 0 else {
      throw CommandFailure(.unhealthy, "node \(name) has no interface in a subnet; nothing will serve it.")
    }
    var generation = MusterV1.SubnetGeneration()
    generation.subnet = subnet
    generation.generation = head
    try await AppliedWait(region: region, timeout: timeout)([generation])
    region.surroundings.output("\(name)  served")
  }

  private func waitBooted(_ region: RegionConnection) async throws {
    let surroundings = region.surroundings
    let canonical = try await region.node(name).name
    let started = surroundings.now()
    let events = MusterV1.EventServiceClient(channel: region.channel)
    var request = MusterV1.WatchEventsRequest()
    request.node = canonical
    // The tail of the log first: what `--since` covers counts, and the watch goes on behind it without a gap.
    if let since {
      var page = MusterV1.ListEventsRequest()
      page.node = canonical
      page.pageSize = Paging.size
      page.since = GoogleProtobuf.Timestamp(nanosecondsSince1970: started - since.nanoseconds)
      for event in try await events.listEvents(page, options: region.options).events {
        request.afterId = event.id
        if Self.show(event, canonical, started, goal, surroundings) { return }
      }
    }
    do {
      let isReached = try await events.watchEvents(
        request, options: region.streamingOptions(timeout: timeout.duration)
      ) { responses in
        for try await event in responses where Self.show(event, canonical, started, goal, surroundings) { return true }
        return false
      }
      guard isReached else { throw CommandFailure(.unreachable, "the region ended the watch; repeat the command.") }
    } catch let error as RPCError where error.code == .deadlineExceeded {
      throw CommandFailure(
        .waitTimedOut, "\(canonical) did not reach \(goal.rawValue) in \(timeout). See 'muster explain \(canonical)'.")
    }
  }

  /// Prints a boot event.
  /// - Returns: Whether it is the one waited for.
  private static func show(
    _ event: MusterV1.Event, _ name: String, _ started: Int64, _ goal: Goal, _ surroundings: Surroundings
  ) -> Bool {
    guard event.kind.hasPrefix("BOOT_") else { return false }
    let stage = event.kind.dropFirst(5).lowercased().split(separator: "_").joined(separator: "-")
    guard Goal(rawValue: stage) != nil else { return false }
    let elapsed = (event.time?.nanosecondsSince1970 ?? started) - started
    let padded = stage + String(repeating: " ", count: max(0, 10 - stage.count))
    surroundings.output("\(name)  \(padded)  \(Age.precise(nanoseconds: elapsed))")
    return stage == goal.rawValue
  }
}
