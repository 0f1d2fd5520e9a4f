import NIOCore
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
