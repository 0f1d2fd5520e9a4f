import RPC
import Synchronization
import Testing

@testable import RPCTransport

/// The four kinds of call, over every transport.
@Suite(.timeLimit(.minutes(3))) struct CallTests {
  @Test(arguments: Transport.allCases)
  func aUnaryCallIsAnswered(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let reply = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(id: 7, name: "hé", payload: [1, 2, 3]),
        responseType: Conformance.EchoReply.self)
      #expect(reply == Conformance.EchoReply(id: 7, name: "hé", payload: [1, 2, 3]))
    }
  }

  @Test(arguments: Transport.allCases)
  func anEmptyMessageIsAMessage(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let reply = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self)
      #expect(reply == Conformance.EchoReply())
    }
  }

  @Test(arguments: Transport.allCases)
  func aLargeMessageCrossesInBothDirections(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let reply = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(payload: payload), responseType: Conformance.EchoReply.self)
      #expect(reply.payload == payload)
    }
  }

  @Test(arguments: Transport.allCases)
  func requestsOfAClientStreamAreCounted(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let reply = try await fixture.channel.clientStreaming(
        ConformanceService.clientStream, responseType: Conformance.EchoReply.self,
        requests: { (writer: RequestWriter<Conformance.EchoRequest>) in
          for size in [27182, 8, 1828, 45904] {
            try await writer.write(Conformance.EchoRequest(payload: [UInt8](repeating: 1, count: size)))
          }
        })
      #expect(reply.id == 4)
      #expect(reply.name == "74922")
    }
  }

  @Test(arguments: Transport.allCases)
  func responsesOfAServerStreamComeInOrder(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let ids = try await fixture.channel.serverStreaming(
        ConformanceService.serverStream, request: Conformance.StreamRequest(count: 5000, payload: [1, 2, 3]),
        onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in
          var ids: [UInt64] = []
          for try await reply in stream { ids.append(reply.id) }
          return ids
        })
      #expect(ids == Array(0..<5000))
    }
  }

  @Test(arguments: Transport.allCases)
  func aBidirectionalStreamPlaysPingPong(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let (signal, next) = AsyncStream<UInt64>.makeStream()
      let sizes = try await fixture.channel.bidirectional(
        ConformanceService.pingPong,
        requests: { (writer: RequestWriter<Conformance.EchoRequest>) in
          for await size in signal { try await writer.write(Conformance.EchoRequest(id: size)) }
        },
        onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in
          var sizes: [Int] = []
          for size in [31415, 9, 2653, 58979] {
            next.yield(UInt64(size))
            sizes.append(try await stream.next()?.payload.count ?? -1)
          }
          next.finish()
          #expect(try await stream.next() == nil)
          return sizes
        })
      #expect(sizes == [31415, 9, 2653, 58979])
    }
  }

  @Test(arguments: Transport.allCases)
  func aBidirectionalStreamMayBeEmpty(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let count = try await fixture.channel.bidirectional(
        ConformanceService.pingPong, requests: { (_: RequestWriter<Conformance.EchoRequest>) in },
        onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in
          var count = 0
          for try await _ in stream { count += 1 }
          return count
        })
      #expect(count == 0)
    }
  }

  @Test(arguments: Transport.allCases)
  func metadataGoesBothWays(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      var metadata: Metadata = ["x-initial": "hello"]
      metadata.add(binary: [0xab, 0xab, 0xab, 0], for: "x-trailing-bin")
      let response = try await fixture.channel.unaryResponse(
        ConformanceService.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self,
        options: CallOptions(metadata: metadata))
      #expect(response.initialMetadata["x-initial"] == "hello")
      #expect(response.trailingMetadata[binary: "x-trailing-bin"] == [0xab, 0xab, 0xab, 0])
    }
  }

  @Test(arguments: Transport.allCases)
  func aStatusArrivesWithMessageDetailsAndMetadata(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(name: "status:9:\(message)", payload: [8, 9]),
          responseType: Conformance.EchoReply.self)
      }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message == message)
      #expect(error?.details == [8, 9])
      #expect(error?.metadata["x-failed"] == "yes")
    }
  }

  @Test(arguments: Transport.allCases)
  func whatAHandlerDidNotMeanForCallersStaysHidden(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(name: "crash"), responseType: Conformance.EchoReply.self)
      }
      #expect(error?.code == .internalError)
      #expect(error?.message == "internal error")
    }
  }

  @Test(arguments: Transport.allCases)
  func anUnknownMethodIsUnimplemented(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      for (service, method) in [("conformance.Test", "Nope"), ("nope.Service", "Unary")] {
        let error = await #expect(throws: RPCError.self) {
          _ = try await fixture.channel.unary(
            MethodDescriptor(service: service, method: method, kind: .unary), request: Conformance.EchoRequest(),
            responseType: Conformance.EchoReply.self)
        }
        #expect(error?.code == .unimplemented)
      }
    }
  }

  @Test(arguments: Transport.allCases)
  func aDeadlineEndsTheCallAndCancelsTheHandler(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(name: "sleep"), responseType: Conformance.EchoReply.self,
          options: CallOptions(timeout: .milliseconds(50)))
      }
      #expect(error?.code == .deadlineExceeded)
      // On a busy machine the deadline may pass before the handler starts.
      await eventually {
        fixture.service.cancelledHandlers.load(ordering: .relaxed)
          == fixture.service.startedHandlers.load(ordering: .relaxed)
      }
    }
  }

  @Test(arguments: Transport.allCases)
  func theHandlerSeesTheDeadline(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let reply = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(name: "deadline"), responseType: Conformance.EchoReply.self,
        options: CallOptions(timeout: .seconds(1000)))
      #expect(reply.id > 900_000 && reply.id <= 1_000_000)
    }
  }

  @Test(arguments: Transport.allCases)
  func cancellingTheCallerCancelsTheHandler(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let caller = Task {
        try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(name: "sleep"), responseType: Conformance.EchoReply.self)
      }
      await eventually { fixture.service.runningHandlers.load(ordering: .relaxed) == 1 }
      caller.cancel()
      let error = await #expect(throws: RPCError.self) { try await caller.value }
      #expect(error?.code == .cancelled)
      await eventually { fixture.service.cancelledHandlers.load(ordering: .relaxed) == 1 }
    }
  }

  @Test(arguments: Transport.allCases)
  func leavingAStreamCancelsItsHandler(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let first = try await fixture.channel.serverStreaming(
        ConformanceService.serverStream, request: Conformance.StreamRequest(count: 0, payload: [1]),
        onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in try await stream.next() })
      #expect(first?.id == 0)
      await eventually { fixture.service.runningHandlers.load(ordering: .relaxed) == 0 }
    }
  }

  @Test(arguments: Transport.allCases)
  func aSlowReaderStopsTheWriter(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      try await fixture.channel.serverStreaming(
        ConformanceService.serverStream, request: Conformance.StreamRequest(count: 0, payload: [UInt8](repeating: 0, count: 1000)),
        onResponses: { (stream: ResponseStream<Conformance.EchoReply>) in
          _ = try await stream.next()
          var before = -1
          // The writer stands when two looks in a row find the same count.
          await eventually {
            let now = fixture.service.written.load(ordering: .relaxed)
            defer { before = now }
            return now == before
          }
          #expect(before < 2000)
          for _ in 0..<5000 { _ = try await stream.next() }
          #expect(fixture.service.written.load(ordering: .relaxed) >= 5000)
        })
    }
  }

  @Test(arguments: Transport.allCases)
  func gzipWorksBothWays(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let payload = [UInt8](repeating: 65, count: 100_000)
      let reply = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(payload: payload), responseType: Conformance.EchoReply.self,
        options: CallOptions(metadata: ["x-gzip": "1"], compression: .gzip))
      #expect(reply.payload == payload)
    }
  }

  @Test(arguments: Transport.allCases)
  func aResponseBeyondTheLimitIsRefusedByTheClient(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(payload: [UInt8](repeating: 0, count: 2000)),
          responseType: Conformance.EchoReply.self, options: CallOptions(maxResponseBytes: 1000))
      }
      #expect(error?.code == .resourceExhausted)
    }
  }

  @Test(arguments: Transport.allCases)
  func manyCallsRunAtOnce(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let sum = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for id in 0..<500 {
          group.addTask {
            try await fixture.channel.unary(
              ConformanceService.unary, request: Conformance.EchoRequest(id: UInt64(id)), responseType: Conformance.EchoReply.self
            ).id
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(sum == 499 * 500 / 2)
    }
  }

  @Test(arguments: Transport.allCases)
  func anAnswerBeforeTheEndOfRequestsEndsThem(_ transport: Transport) async throws {
    try await withFixture(transport) { fixture in
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.clientStreaming(
          ConformanceService.clientStream, responseType: Conformance.EchoReply.self,
          requests: { (writer: RequestWriter<Conformance.EchoRequest>) in
            while true { try await writer.write(Conformance.EchoRequest(name: "stop")) }
          })
      }
      #expect(error?.code == .aborted)
    }
  }

  @Test(arguments: Transport.allCases)
  func metadataThatCannotTravelFailsOnlyItsCall(_ transport: Transport) async throws {
    guard transport != .inMemory else { return }
    try await withFixture(transport) { fixture in
      let error = await #expect(throws: RPCError.self) {
        _ = try await fixture.channel.unary(
          ConformanceService.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self,
          options: CallOptions(metadata: ["x-bad": "line\nbreak"]))
      }
      #expect(error?.code == .internalError)
      _ = try await fixture.channel.unary(
        ConformanceService.unary, request: Conformance.EchoRequest(), responseType: Conformance.EchoReply.self)
    }
  }
}

/// Lets other tasks run until `condition` holds; the suite's time limit ends a test whose condition never does.
func eventually(_ condition: () -> Bool) async {
  while !condition(), !Task.isCancelled {
    do {
      try await Task.sleep(for: .milliseconds(5))
    } catch {
      return
    }
  }
}
