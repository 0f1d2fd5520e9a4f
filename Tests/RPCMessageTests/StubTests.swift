internal import RPC
internal import Testing

/// The generated protocols and clients, over the in-memory channel.
@Suite struct StubTests {
  private struct Calls: Everything.Calls {
    func unary(_ request: Everything.Inner, context: ServerContext) async throws -> Everything.Inner {
      Everything.Inner(name: request.name + "!", number: request.number + 1)
    }

    func collect(_ requests: RequestStream<Everything.Inner>, context: ServerContext) async throws -> Everything.Inner {
      var sum = Everything.Inner()
      for try await request in requests {
        sum.name += request.name
        sum.number += request.number
      }
      return sum
    }

    func expand(
      _ request: Everything.Inner, responses: ResponseWriter<Everything.Inner>, context: ServerContext
    ) async throws {
      for number in 0..<request.number { try await responses.write(Everything.Inner(number: number)) }
    }

    func exchange(
      _ requests: RequestStream<Everything.Inner>, responses: ResponseWriter<Everything.Inner>,
      context: ServerContext
    ) async throws {
      for try await request in requests {
        try await responses.write(Everything.Inner(name: request.name, number: request.number * 2))
      }
    }
  }

  private var client: Everything.CallsClient {
    Everything.CallsClient(channel: InMemoryChannel(router: Router(services: [Calls()])))
  }

  @Test func aUnaryCallReachesItsMethod() async throws {
    #expect(try await client.unary(.init(name: "a", number: 1)) == .init(name: "a!", number: 2))
  }

  @Test func requestsAreCollected() async throws {
    let sum = try await client.collect { requests in
      try await requests.write(.init(name: "a", number: 1))
      try await requests.write(.init(name: "b", number: 2))
    }
    #expect(sum == .init(name: "ab", number: 3))
  }

  @Test func responsesAreStreamed() async throws {
    let numbers = try await client.expand(.init(number: 3)) { responses in
      try await responses.reduce(into: []) { $0.append($1.number) }
    }
    #expect(numbers == [0, 1, 2])
  }

  @Test func bothSidesStream() async throws {
    let doubled = try await client.exchange { requests in
      for number in UInt32(1)...3 { try await requests.write(.init(number: number)) }
    } onResponses: { responses in
      try await responses.reduce(into: []) { $0.append($1.number) }
    }
    #expect(doubled == [2, 4, 6])
  }

  @Test func descriptorsNameWhatTheProtoFileNames() {
    #expect(Everything.CallsMethods.exchange.path == "/everything.Calls/Exchange")
    #expect(Everything.CallsMethods.all.map(\.kind) == [.unary, .clientStreaming, .serverStreaming, .bidirectional])
  }
}
