internal import ArgumentParser
internal import RPC
internal import Wire

struct EventCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "event", abstract: "What happened, kept for 7 days.",
    subcommands: [EventList.self, EventWatch.self])
}

/// Which events.
struct EventFilter: ParsableArguments {
  @Option(help: "Only events of this node.") var node: String = ""
  @Option(help: "Only events of this subnet.") var subnet: String = ""
  @Option(help: "Only events of this agent.") var agent: String = ""
  @Option(help: "Only this kind, for example NODE_ADDED.") var kind: String = ""
}

struct EventList: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Events, oldest first.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var filter: EventFilter
  @Option(help: "How far back.") var since: DurationArgument = DurationArgument(seconds: 3600)

  func run(_ region: RegionConnection) async throws {
    let client = MusterV1.EventServiceClient(channel: region.channel)
    let begin = region.surroundings.now() - since.nanoseconds
    var events: [MusterV1.Event] = []
    try await Paging.all { token in
      var request = MusterV1.ListEventsRequest()
      request.pageSize = Paging.size
      request.pageToken = token
      request.node = filter.node
      request.subnet = filter.subnet
      request.agent = filter.agent
      request.kind = filter.kind
      request.since = GoogleProtobuf.Timestamp(nanosecondsSince1970: max(0, begin))
      let page = try await client.listEvents(request, options: region.options)
      events += page.events
      return page.nextPageToken
    }
    ListOutput(region: region, noun: "event", plural: "events", name: { String($0.id) }, json: \.json)
      .write(events, table: EventTable.table)
  }
}

struct EventWatch: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "watch", abstract: "Events as they happen, until Ctrl-C.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var filter: EventFilter
  @Option(help: "Begin behind the event with this id.") var after: UInt64 = 0

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.WatchEventsRequest()
    request.afterId = after
    request.node = filter.node
    request.subnet = filter.subnet
    request.agent = filter.agent
    request.kind = filter.kind
    let surroundings = region.surroundings
    let format = region.format
    try await MusterV1.EventServiceClient(channel: region.channel).watchEvents(
      request, options: region.streamingOptions()
    ) { events in
      for try await event in events {
        surroundings.output(format == .json ? event.json.text : EventTable.line(event))
      }
    }
  }
}

enum EventTable {
  static func table(_ events: [MusterV1.Event]) -> Table {
    var table = Table("TIME", "KIND", "SUBJECT", "ACTOR", "MESSAGE")
    for event in events {
      table.add(
        Table.Cell(event.time?.text ?? ""), Table.Cell(event.kind), Table.Cell(subject(event)),
        Table.Cell(event.actor), Table.Cell(event.message))
    }
    return table
  }

  static func line(_ event: MusterV1.Event) -> String {
    "\(event.time?.text ?? "-")  \(event.kind)  \(subject(event))  \(event.message)"
  }

  /// The most specific thing an event is about.
  private static func subject(_ event: MusterV1.Event) -> String {
    if !event.node.isEmpty { return "node/\(event.node)" }
    if !event.mac.isEmpty { return event.mac }
    if !event.subnet.isEmpty { return "subnet/\(event.subnet)" }
    if !event.agent.isEmpty { return "agent/\(event.agent)" }
    return "-"
  }
}
