import Foundation
import Testing

@testable import Pserv

/// One agent per rack.
struct RackLockTests {
  private let scratch = Scratch()

  @Test func aSecondAgentIsToldWhoHasTheRack() throws {
    let path = scratch.path + "/lock"
    let lock = try RackLock(path: path)
    let error = #expect(throws: RackLockError.self) { try RackLock(path: path) }
    #expect(error.map { "\($0)" } == "\(scratch.path) is in use by process \(getpid()). One agent per rack.")
    withExtendedLifetime(lock) {}
  }

  @Test func theLockGoesWithItsOwner() throws {
    let path = scratch.path + "/lock"
    do { _ = try RackLock(path: path) }
    _ = try RackLock(path: path)
  }
}
