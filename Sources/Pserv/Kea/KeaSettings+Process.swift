internal import Glibc

extension KeaSettings {
  /// Kea's file holds no secrets, and Kea may run as another user.
  static let fileMode: UInt32 = 0o644

  var command: DaemonCommand {
    DaemonCommand(
      arguments: [executable, "-c", configuration],
      environment: ["KEA_PIDFILE_DIR=\(pidDirectory)", "KEA_LOCKFILE_DIR=\(lockDirectory)"],
      prefix: userPrefix, output: output, residentBytesMax: residentBytesMax)
  }

  /// Becomes the user before the program, with raw sockets and low ports and nothing else, for ever. `setpriv` replaces
  /// itself by the program.
  var userPrefix: [String] {
    guard let user else { return [] }
    let capabilities = "-all,+net_raw,+net_bind_service"
    return [
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--no-new-privs",
      "--inh-caps=\(capabilities)", "--ambient-caps=\(capabilities)", "--",
    ]
  }

  /// Directories that Kea writes in.
  var written: [String] {
    Set([leaseFile, log, output, controlSocket].map(Self.directory) + [pidDirectory, lockDirectory]).sorted()
  }

  var configurationDirectory: String { Self.directory(of: configuration) }

  /// Makes what is missing of the directories.
  ///
  /// - Throws: `SystemError`, `KeaSetupError` when there is no such user.
  func createDirectories() throws {
    for path in written { try Directory.create(path) }
    try Directory.create(configurationDirectory, mode: 0o755)
    try giveFilesToUser()
  }

  /// Where Kea writes, directories and the files in them that are Kea's belong to `user` afterwards: an earlier life may
  /// have run it as root, and the one that is adopted from it may have made more of them since.
  ///
  /// - Throws: `SystemError`, `KeaSetupError` when there is no such user.
  func giveFilesToUser() throws {
    guard let user else { return }
    guard let account = getpwnam(user) else { throw KeaSetupError(problem: "there is no user \(user)") }
    let (owner, group) = (account.pointee.pw_uid, account.pointee.pw_gid)
    let files = ["", ".1", ".2", ".completed"].map { leaseFile + $0 } + ["", ".1", ".2", ".lock"].map { log + $0 }
    for path in written + files + [lockDirectory + "/logger_lockfile"] {
      guard lchown(path, owner, group) == 0 || errno == ENOENT else { throw SystemError.last("chown \(path)") }
    }
  }

  /// Takes the right to drive the Kea of these paths, whatever the agent's own state directory is: two agents would
  /// overwrite each other's configuration and order about each other's daemon. Hold it for the agent's life, from before
  /// anything else is touched.
  ///
  /// - Throws: `RackLockError` naming the process that has it, `SystemError`.
  package func lock() throws -> RackLock {
    let directory = Self.directory(of: configuration)
    try Directory.create(directory, mode: 0o755)
    return try RackLock(path: directory + "/agent.lock")
  }

  private static func directory(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }
}
