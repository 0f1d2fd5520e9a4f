import CoreMetrics
import Logging
import MetricsText
import NIOCore
import NIOPosix
import Settings
import Synchronization
import Testing

@testable import ServiceProgram

@Suite struct HealthListenerTests {
  private let counted = TextMetrics()
  private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func listener(
    port: UInt16 = 0, obstacle: String? = nil, measure: @escaping @Sendable () async throws -> Void = {}
  ) async throws -> HealthListenerService {
    let page = withMetricsFactory(counted) { MetricsPage(counted, log: log, measure: measure) }
    // A machine that is busy with other tests takes its time.
    return try await .listening(
      on: [.tcp(host: "127.0.0.1", port: port)], metrics: page, patience: .seconds(3_600), obstacle: { obstacle })
  }

  /// What a listener answers to `request`, to the end of the connection.
  private func answer(_ request: String, of listener: HealthListenerService) async throws -> String {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(listener.ports.first.flatMap { $0 })
      let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port) { channel in
          channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
        }
      let text = try await connection.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: request))
        var text = ""
        for try await part in inbound { text += String(buffer: part) }
        return text
      }
      group.cancelAll()
      return text
    }
  }

  @Test func aProgramThatRunsIsHealthy() async throws {
    #expect(try await answer("GET /healthz HTTP/1.1\r\n\r\n", of: try await listener()).hasSuffix("\r\n\r\nok\n"))
  }

  @Test func aProgramThatIsNotReadySaysWhy() async throws {
    let text = try await answer("GET /readyz HTTP/1.1\r\n\r\n", of: try await listener(obstacle: "no disk"))
    #expect(text.hasPrefix("HTTP/1.1 503 "))
    #expect(text.hasSuffix("\r\n\r\nno disk\n"))
  }

  @Test func metricsAreMeasuredWhenSomebodyAsks() async throws {
    let racks = Meter(label: "racks", factory: counted)
    let text = try await answer("GET /metrics HTTP/1.1\r\n\r\n", of: try await listener { racks.set(2) })
    #expect(text.contains("\r\nContent-Type: text/plain; version=0.0.4\r\n"))
    #expect(text.contains("# TYPE racks gauge\nracks 2.0\n"))
    #expect(text.contains("process_start_time_seconds 1"))
    #if os(Linux)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("process_resident_memory_bytes ") })
      #expect(try #require(Double(line.split(separator: " ")[1])) > 1_000_000)
    #endif
  }

  @Test func whatCannotBeMeasuredHidesNothingElse() async throws {
    struct Broken: Error {}
    Counter(label: "asked", factory: counted).increment()
    let text = try await answer("GET /metrics HTTP/1.1\r\n\r\n", of: try await listener { throw Broken() })
    #expect(text.contains("asked 1\n"))
  }

  @Test func onlyGetIsAnswered() async throws {
    #expect(try await answer("POST /metrics HTTP/1.1\r\n\r\n", of: try await listener()).hasPrefix("HTTP/1.1 405 "))
    #expect(try await answer("GET / HTTP/1.1\r\n\r\n", of: try await listener()).hasPrefix("HTTP/1.1 404 "))
  }

  @Test func anAddressInUseIsKnownBeforeAnythingRuns() async throws {
    let first = try await listener()
    let port = try #require(first.ports.first.flatMap { $0 })
    let error = await #expect(throws: (any Error).self) { try await listener(port: UInt16(port)) }
    #expect("\(try #require(error))".hasPrefix("cannot listen on 127.0.0.1:\(port) for health: "))
    #expect(try await answer("GET /healthz HTTP/1.1\r\n\r\n", of: first).hasSuffix("ok\n"))
  }
}
