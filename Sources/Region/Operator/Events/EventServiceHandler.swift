internal import Provisioning
package import RPC
internal import Store
package import Wire

/// The operator's service for what happened.
package struct EventServiceHandler: MusterV1.EventService {
  let context: RegionContext

  package init(context: RegionContext) {
    self.context = context
  }

  package func listEvents(
    _ request: MusterV1.ListEventsRequest, context call: ServerContext
  ) async throws -> MusterV1.ListEventsResponse {
    try await answering {
      let query = try EventQuery(
        node: request.node, subnet: request.subnet, agent: request.agent, kind: request.kind, since: request.since)
      let page = try PageRequest(size: request.pageSize, token: request.pageToken, query: query.page)
      let after = UInt64(bigEndianOctets: page.after)
      return try await context.store.read { snapshot in
        var found = try snapshot.events(query.filter, after: after, limit: page.size)
        var reads = 1
        var isEnd = false
        let newest = try snapshot.eventRange()?.newest ?? 0
        while !isEnd, found.events.count < page.size, found.next < newest, reads < PageRequest.readsMax {
          let more = try snapshot.events(query.filter, after: found.next, limit: page.size - found.events.count)
          // Nothing was looked at: an index knows that there is no more.
          isEnd = more.next == found.next
          found.events += more.events
          found.next = more.next
          reads += 1
        }
        var response = MusterV1.ListEventsResponse()
        response.events = found.events.map(MusterV1.Event.init)
        response.nextPageToken = page.token(after: !isEnd && found.next < newest ? found.next.bigEndianOctets : nil)
        return response
      }
    }
  }

  /// Events of one read while somebody watches.
  private static let watchPage = 500

  package func watchEvents(
    _ request: MusterV1.WatchEventsRequest, responses: ResponseWriter<MusterV1.Event>, context call: ServerContext
  ) async throws {
    try await answering {
      let query = try EventQuery(
        node: request.node, subnet: request.subnet, agent: request.agent, kind: request.kind, since: nil)
      // Subscribed before the first read, so that no event falls between.
      try await context.hub.withSubscription(to: [.events]) { signal in
        var cursor = try await start(after: request.afterId)
        while true {
          let (found, next) = try await context.store.read { [cursor] in
            try $0.events(query.filter, after: cursor, limit: Self.watchPage)
          }
          for event in found { try await responses.write(MusterV1.Event(event)) }
          let isMore = next > cursor
          cursor = next
          if isMore { continue }
          guard try await signal.next() != nil else {
            throw RPCError(.unavailable, "the region is shutting down; go on after event \(cursor)")
          }
        }
      }
    }
  }

  /// Where a watch begins.
  ///
  /// - Throws: `OperatorError.eventsForgotten` when events after the token are gone, `.eventsUnknown` when it is of
  ///   another history, as after a restored backup: waiting for its successor would swallow what happens meanwhile.
  private func start(after id: UInt64) async throws -> UInt64 {
    guard let range = try await context.store.read({ snapshot -> EventRange? in
      try snapshot.eventRange().map { EventRange(oldest: $0.oldest, newest: $0.newest) }
    }) else { return 0 }
    if id == 0 { return range.newest }
    guard id <= range.newest else { throw OperatorError.eventsUnknown(after: id, newest: range.newest) }
    guard id >= range.oldest || range.oldest - id == 1 else { throw OperatorError.eventsForgotten(after: id, oldest: range.oldest) }
    return id
  }

  private struct EventRange: Sendable {
    var oldest: UInt64
    var newest: UInt64
  }
}

/// Which events a list or a watch asks for.
struct EventQuery: Sendable {
  let filter: EventFilter
  /// What a page token of this query is bound to.
  let page: PageQuery

  init(
    node: String, subnet: String, agent: String, kind: String, since: GoogleProtobuf.Timestamp?
  ) throws(InvalidFields) {
    var problems = Problems()
    var filter = EventFilter()
    if !node.isEmpty { filter.node = problems.name("node", node, NodeKind.self) }
    if !subnet.isEmpty { filter.subnet = problems.name("subnet", subnet, SubnetKind.self) }
    if !agent.isEmpty { filter.agent = problems.name("agent", agent, AgentKind.self) }
    if !kind.isEmpty { filter.kind = Self.kind(kind, &problems) }
    filter.since = since.map { Timestamp($0) }
    try problems.check()
    self.filter = filter
    page = PageQuery(
      "ListEvents",
      filters: [
        "node": filter.node?.text ?? "", "subnet": filter.subnet?.text ?? "", "agent": filter.agent?.text ?? "",
        "kind": filter.kind?.rawValue ?? "", "since": filter.since.map { String($0.nanoseconds) } ?? "",
      ], order: "id")
  }

  private static func kind(_ text: String, _ problems: inout Problems) -> EventKind? {
    let word = text.uppercased()
    if let kind = EventKind(rawValue: word) { return kind }
    let kinds = EventKind.allCases.map(\.rawValue)
    let near = NearName.suggestion(for: word, among: kinds)
    problems.add(
      "kind", text, .textInvalid, "is not a kind of event",
      fix: near.map { "perhaps you mean '\($0)'" } ?? "give one of \(kinds.joined(separator: ", "))")
    return nil
  }
}

extension UInt64 {
  var bigEndianOctets: [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(56 - 8 * $0)) }
  }

  /// 0 for no octets; the low 64 bits of more.
  init(bigEndianOctets octets: [UInt8]) {
    self = octets.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
