import Testing

@testable import Region

struct WakeSignalTests {
  @Test func aWaitLeavesWhatWasRaisedToBeTaken() async throws {
    let signal = WakeSignal<Int>()
    signal.raise(7)
    try await signal.wait()
    try await signal.wait()
    #expect(signal.takeRaised() == [7])
    #expect(signal.takeRaised().isEmpty)
  }

  @Test func aWaitEndsWhenSomethingIsRaisedOrClosed() async throws {
    let signal = WakeSignal<Int>()
    async let waited: Void = signal.wait()
    signal.raise(1)
    try await waited
    #expect(signal.takeRaised() == [1])
    async let closed: Void = signal.wait()
    signal.close()
    try await closed
    #expect(try await signal.next() == nil)
  }

  @Test func whoLosesARaceAgainstATimerLosesNoWake() async throws {
    let signal = WakeSignal<Int>()
    for round in 0..<200 {
      signal.raise(round)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await signal.wait() }
        group.addTask {}
        try await group.next()
        group.cancelAll()
      }
      #expect(signal.takeRaised() == [round])
    }
  }
}
