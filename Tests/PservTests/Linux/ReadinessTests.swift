import Glibc
import Testing

@testable import Pserv

/// Conversations with daemons, children and links all wait for descriptors; a wait that is forgotten is an agent that hangs.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct ReadinessTests {
  private func pair() throws -> (near: FileDescriptor, far: FileDescriptor) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw SystemError.last("socketpair") }
    return (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
  }

  private func say(_ octet: UInt8, on end: FileDescriptor) {
    var octet = octet
    #expect(write(end.number, &octet, 1) == 1)
  }

  /// Numbers of descriptors are used again while waits for the ones before are still being taken down.
  @Test func noWaitIsForgottenHoweverManyComeAndGo() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<24 {
        group.addTask {
          for round in 0..<400 {
            let (near, far) = try pair()
            async let isReady = near.ready(for: .readable, until: .now + .seconds(10))
            if (worker + round) % 3 == 0 { await Task.yield() }
            say(7, on: far)
            let wasHeard = try await isReady
            #expect(wasHeard, "worker \(worker), round \(round)")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func aDeadlineACancellationAndTheOtherEndsCloseEndAWait() async throws {
    let (near, far) = try pair()
    #expect(try await near.ready(for: .writable))
    #expect(try await near.ready(for: .readable, until: .now + .milliseconds(20)) == false)
    let waiting = Task { try await near.ready(for: .readable) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    // Two that wait for one descriptor both hear of it.
    async let first = near.ready(for: .readable, until: .now + .seconds(10))
    async let second = near.ready(for: .readable, until: .now + .seconds(10))
    shutdown(far.number, Int32(SHUT_WR))
    let heard = try await [first, second]
    #expect(heard == [true, true])
  }

  @Test func aWaitThatIsOverHoldsNoDescriptor() async throws {
    let (near, far) = try pair()
    #expect(descriptors(of: near.number) == 1)
    for _ in 0..<100 { _ = try await near.ready(for: .readable, until: .now + .microseconds(10)) }
    say(1, on: far)
    for _ in 0..<100 { #expect(try await near.ready(for: .readable)) }
    #expect(descriptors(of: near.number) == 1)
  }

  /// Descriptors of this process that are the same socket; what other tests have open does not count.
  private func descriptors(of number: Int32) -> Int {
    var wanted = stat()
    guard fstat(number, &wanted) == 0 else { return 0 }
    // The lowest free number is taken first, and some systems allow a thousand million.
    return (0..<min(getdtablesize(), 65_536)).count { other in
      var found = stat()
      return fstat(other, &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev
    }
  }
}
