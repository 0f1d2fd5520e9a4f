import NIOCore
import NIOPosix
import RPC
import Synchronization
import Testing

@testable import RPCTransport

@Suite struct ServerWatchTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test func aClientThatTakesNothingStalls() {
    var watch = StallWatch(timeout: .seconds(10))
    #expect(watch.check(sentBytes: 5, now: start) == .wait(until: start + .seconds(10)))
    #expect(watch.check(sentBytes: 5, now: start + .seconds(9)) == .wait(until: start + .seconds(10)))
    #expect(watch.check(sentBytes: 1028, now: start + .seconds(10)) == .stalled)
  }

  @Test func aClientThatTakesSomethingInTimeGetsMoreTime() {
    var watch = StallWatch(timeout: .seconds(10))
    _ = watch.check(sentBytes: 0, now: start)
    #expect(watch.check(sentBytes: 1024, now: start + .seconds(10)) == .wait(until: start + .seconds(20)))
    #expect(watch.check(sentBytes: 1024, now: start + .seconds(20)) == .stalled)
  }

  @Test func aClientThatTookEverythingIsForgotten() {
    var watch = StallWatch(timeout: .seconds(10))
    _ = watch.check(sentBytes: 0, now: start)
    watch.moved()
    #expect(watch.check(sentBytes: 0, now: start + .seconds(30)) == .wait(until: start + .seconds(40)))
  }

  @Test func withoutALimitNobodyStalls() {
    var watch = StallWatch(timeout: nil)
    #expect(watch.check(sentBytes: 0, now: start) == .wait(until: nil))
    #expect(!watch.isWaiting)
  }

  @Test func aShortageIsTrimmedFirstAndThenClosed() {
    var relief = MemoryRelief()
    let second: UInt64 = 1_000_000_000
    #expect(relief.next(now: 0) == .trim)
    #expect(relief.next(now: second / 100) == .wait)
    #expect(relief.next(now: second / 2) == .close)
    #expect(relief.next(now: second) == .close)
    #expect(relief.next(now: 100 * second) == .trim)
  }

  @Test func thoseThatHoldMostAreClosed() {
    let step = ServerConfiguration.heldStepBytes
    #expect(MemoryRelief.largest(of: [3 * step, 9 * step, step, 5 * step], limitBytes: 16 * step) == [1])
    #expect(MemoryRelief.largest(of: [3 * step, 9 * step, step, 5 * step], limitBytes: 8 * step) == [1, 3])
    #expect(MemoryRelief.largest(of: [step, step], limitBytes: 16 * step) == [])
    // Whoever holds less than a step is never chosen.
    #expect(MemoryRelief.largest(of: [step / 2, step / 2], limitBytes: 0) == [])
  }

  @Test func memoryGoesBackOnceUseFellByMuch() {
    var heap = HeapReturn()
    let step = HeapReturn.fallBytesMin
    #expect(heap.held(3 * step) == false)
    #expect(heap.held(2 * step + 1) == false)
    #expect(heap.held(2 * step) == true)
    // It is planned already.
    #expect(heap.held(0) == false)
    heap.begin()
    #expect(heap.held(step - 1) == false)
    #expect(heap.held(0) == false)
    #expect(heap.held(step) == false)
    #expect(heap.held(0) == true)
  }

  @Test func memoryGoesBackAfterManyThatCameOneByOne() {
    var heap = HeapReturn()
    for _ in 1..<HeapReturn.closedMax {
      #expect(heap.connections(1) == false)
      #expect(heap.connections(0) == false)
    }
    #expect(heap.connections(1) == false)
    #expect(heap.connections(0) == true)
    heap.begin()
    #expect(heap.connections(1) == false)
    #expect(heap.connections(0) == false)
  }

  @Test func connectionsThatLeaveCountAsMemory() {
    var heap = HeapReturn()
    let crowd = HeapReturn.fallBytesMin / HeapReturn.connectionBytes
    #expect(heap.connections(crowd + 10) == false)
    #expect(heap.connections(11) == false)
    #expect(heap.connections(10) == true)
  }

  @Test func whatIsDueFirstIsFirstWhoeverComesAndGoes() {
    final class Alarm: Due {
      var dueAt = NIODeadline.distantFuture
      var placeInQueue: Int?
    }
    var queue = DueQueue<Alarm>()
    let alarms = (0..<100).map { _ in Alarm() }
    for (index, alarm) in alarms.enumerated() { queue.put(alarm, due: start + .seconds(Int64(index * 37 % 100))) }
    // Every third goes, every fifth is due later.
    for index in stride(from: 0, to: 100, by: 3) { queue.remove(alarms[index]) }
    for index in stride(from: 1, to: 100, by: 5) where index % 3 != 0 {
      queue.put(alarms[index], due: alarms[index].dueAt + .seconds(50))
    }
    var last = NIODeadline.uptimeNanoseconds(0)
    var count = 0
    while let first = queue.first {
      #expect(first.dueAt >= last)
      last = first.dueAt
      queue.remove(first)
      #expect(first.placeInQueue == nil)
      count += 1
    }
    #expect(count == 66)
  }

  @Test func anIdleConnectionIsClosed() async throws {
    var limits = ServerLimits()
    limits.idleTimeout = .milliseconds(50)
    limits.goAwayTimeout = .milliseconds(50)
    try await withFixture(.tcp, limits: limits) { fixture in
      guard case .tcp(_, let port) = try #require(fixture.address) else { return }
      let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
          }
        }
      let received = try await connection.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"))
        var received = ByteBuffer()
        for try await var part in inbound { received.writeBuffer(&part) }
        return received
      }
      // The last frame is GOAWAY with NO_ERROR.
      #expect(Array(received.readableBytesView.suffix(17)).starts(with: [0, 0, 8, 7]))
      #expect(received.readableBytesView.suffix(4).allSatisfy { $0 == 0 })
    }
  }

  @Test func aClientThatReadsNothingIsClosed() async throws {
    var limits = ServerLimits()
    limits.stallTimeout = .milliseconds(50)
    try await withFixture(.tcp, limits: limits) { fixture in
      let error = await #expect(throws: RPCError.self) {
        try await fixture.channel.serverStreaming(
          ConformanceService.serverStream,
          request: Bench.StreamRequest(count: 0, payload: [UInt8](repeating: 0, count: 1000)),
          onResponses: { (stream: ResponseStream<Bench.EchoReply>) in
            _ = try await stream.next()
            // Reads on only when the handler was cancelled, which is when the connection is closed.
            await eventually { fixture.service.runningHandlers.load(ordering: .relaxed) == 0 }
            while try await stream.next() != nil {}
          })
      }
      #expect(error != nil)
    }
  }
}
