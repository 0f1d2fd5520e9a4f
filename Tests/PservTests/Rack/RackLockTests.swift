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

  /// Each with a state directory of its own.
  @Test func twoAgentsCannotDriveOneKeaNorWriteOneDirectoryOfLoaders() throws {
    let kea = KeaSettings.inDirectory(scratch.path + "/kea")
    let tftp = TFTPSettings(root: scratch.path + "/tftp")
    let locks = try [kea.lock(), tftp.lock()]
    let taken = #expect(throws: RackLockError.self) { try kea.lock() }
    #expect(taken.map { "\($0)" } == "\(scratch.path)/kea is in use by process \(getpid()). One agent per rack.")
    let alsoTaken = #expect(throws: RackLockError.self) { try tftp.lock() }
    #expect(alsoTaken.map { "\($0)".contains("process \(getpid())") } == true)
    withExtendedLifetime(locks) {}
    _ = try KeaSettings.inDirectory(scratch.path + "/kea2").lock()
  }

  @Test func theLockGoesWithItsOwner() throws {
    let path = scratch.path + "/lock"
    do { _ = try RackLock(path: path) }
    _ = try RackLock(path: path)
  }
}
