package import Provisioning

/// Serves the first loaders by TFTP. Its files do not depend on the rack's state, so it only runs.
package protocol LoaderServer: Sendable {
  /// Supervises the server for as long as the agent runs. Ends by cancellation.
  func run() async throws
  /// What an operator should know: a missing loader, a port in use. At most 8, each one sentence.
  var warnings: [String] { get }
}

/// The files below the boot root; the HTTP edge serves them and knows them.
package protocol BootFileSource: Sendable {
  /// The directory they lie in.
  var root: String { get }
  /// The state of each path now, in the order given. Reads a file again only after it changed.
  func describe(_ paths: [BootPath]) async -> [BootFileState]
}

/// One file that a profile names.
package struct BootFileState: Sendable, Hashable {
  package var path: BootPath
  /// 32 octets; empty when the file is missing or cannot be read.
  package var sha256: [UInt8]
  package var sizeBytes: UInt64

  package init(path: BootPath, sha256: [UInt8], sizeBytes: UInt64) {
    self.path = path
    self.sha256 = sha256
    self.sizeBytes = sizeBytes
  }
}

/// The interfaces of this host.
package protocol LinkSource: Sendable {
  /// The state of the named interfaces now, in the order of their names; one that does not exist is absent.
  func links(of interfaces: [String]) throws -> [LinkState]
  /// Calls `changed` after every change that `links` may show, until cancelled. Calls may be spurious, none is lost.
  func watch(_ changed: @escaping @Sendable () -> Void) async throws
}
