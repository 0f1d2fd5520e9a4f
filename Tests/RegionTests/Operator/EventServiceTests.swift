import Provisioning
import RPC
import Testing
import Wire

@testable import Region

@Suite struct EventServiceTests {
  @Test func eventsPageOldestFirst() async throws {
    let lab = try await OperatorLab().addHalls()
    for index in 1...5 { try await lab.add(node: .sample("n\(index)", mac: "52:54:00:00:00:0\(index)")) }
    var seen: [String] = []
    var token = ""
    repeat {
      let page = try await lab.events.listEvents(.init(pageSize: 2, pageToken: token, kind: "node_added"))
      seen += page.events.map(\.node)
      token = page.nextPageToken
    } while !token.isEmpty
    #expect(seen == ["n1", "n2", "n3", "n4", "n5"])
  }

  @Test func aWatchGoesOnAfterItsToken() async throws {
    let lab = try OperatorLab(isInline: false)
    try await lab.addHalls()
    let first = try await lab.events.listEvents(.init()).events
    let seen = try await lab.events.watchEvents(.init(afterId: first[0].id)) { responses in
      var seen: [MusterV1.Event] = []
      for try await event in responses {
        seen.append(event)
        if seen.count == 1 { try await lab.add(node: .sample("a", mac: "52:54:00:00:00:0a")) }
        if event.kind == "NODE_ADDED" { break }
      }
      return seen
    }
    #expect(seen.first == first[1])
    #expect(seen.last?.node == "a")
    #expect(seen.map(\.id) == seen.map(\.id).sorted())
  }

  @Test(arguments: [UInt64.max, 1_000_000]) func aTokenOfAnotherHistoryIsRefused(token: UInt64) async throws {
    let lab = try await OperatorLab().addHalls()
    let refused = await lab.refusal {
      try await lab.events.watchEvents(.init(afterId: token)) { responses in for try await _ in responses {} }
    }
    #expect(refused?.code == .outOfRange)
    #expect(refused?.reason == "EVENTS_UNKNOWN")
  }

  @Test func eventsOfOneNodeEndWithTheLast() async throws {
    let lab = try await OperatorLab().addHalls()
    for index in 1...5 { try await lab.add(node: .sample("n\(index)", mac: "52:54:00:00:00:0\(index)")) }
    let page = try await lab.events.listEvents(.init(node: "n2"))
    #expect(page.events.map(\.kind) == ["NODE_ADDED"])
    #expect(page.nextPageToken.isEmpty)
    #expect(try await lab.events.listEvents(.init(node: "nosuch")).nextPageToken.isEmpty)
  }

  @Test func aLargeBatchIsOneEvent() async throws {
    let lab = try await OperatorLab().addHalls()
    let rows = (1...150).map { MusterV1.Node.sample("n\($0)", mac: "52:54:00:00:01:\(String($0 + 0x100, radix: 16).suffix(2))") }
    _ = try await lab.importNodes(rows)
    let events = try await lab.events.listEvents(.init(kind: "NODE_ADDED")).events
    #expect(events.map(\.message) == ["150 nodes added"])
  }

  @Test func aKindThatDoesNotExistIsRefusedWithTheOneMeant() async throws {
    let lab = try OperatorLab()
    for (word, sentence) in [
      ("node_aded", "kind: node_aded is not a kind of event. Perhaps you mean 'NODE_ADDED'."),
      ("a b", "kind: a b is not a kind of event. Give one of NODE_ADDED, NODE_UPDATED, "),
      ("REBOOT", "kind: REBOOT is not a kind of event. Give one of NODE_ADDED, "),
    ] {
      let refused = try #require(await lab.refusal { try await lab.events.listEvents(.init(kind: word)) })
      #expect(refused.code == .invalidArgument)
      #expect(refused.sentences.count == 1 && refused.sentences[0].hasPrefix(sentence), "\(refused)")
    }
    for kind in EventKind.allCases { _ = try await lab.events.listEvents(.init(kind: kind.rawValue.lowercased())) }
  }
}
