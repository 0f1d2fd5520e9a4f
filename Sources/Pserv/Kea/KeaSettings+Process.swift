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

  /// Becomes the user before the program, with raw sockets and low ports and nothing else. `setpriv` replaces itself by
  /// the program.
  var userPrefix: [String] {
    guard let user else { return [] }
    let capabilities = "-all,+net_raw,+net_bind_service"
    return [
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--bounding-set=\(capabilities)",
      "--inh-caps=\(capabilities)", "--ambient-caps=\(capabilities)", "--",
    ]
  }

  /// Makes what is missing of the directories; those that are made belong to `user`.
  func createDirectories() throws {
    let written = [leaseFile, log, output, controlSocket].map(Self.directory) + [pidDirectory, lockDirectory]
    for path in Set(written).sorted() {
      guard access(path, F_OK) != 0 else { continue }
      try Directory.create(path)
      guard let user else { continue }
      guard let account = getpwnam(user) else { throw KeaSetupError(problem: "there is no user \(user)") }
      guard chown(path, account.pointee.pw_uid, account.pointee.pw_gid) == 0 else {
        throw SystemError.last("chown \(path)")
      }
    }
    try Directory.create(Self.directory(of: configuration), mode: 0o755)
  }

  private static func directory(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }
}
