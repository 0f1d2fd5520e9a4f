internal import Glibc
internal import Provisioning

/// A Kea of the same user and paths as the real one, in network and mount namespaces of its own: its links end nowhere,
/// and what it writes is gone with it. Debian's AppArmor profile allows it the same paths and no others, so it must see
/// its files where the real Kea sees them.
///
/// It ends by itself after `lifeMax`, should the agent die meanwhile.
final class ScratchKea: Sendable {
  private let process: RunningProcess
  private let settings: KeaSettings
  let control: KeaControl

  private static let readyMax: Duration = .seconds(15)
  private static let readyInterval: Duration = .milliseconds(20)
  private static let endMax: Duration = .seconds(5)
  /// Seconds.
  private static let lifeMax = 120

  /// A scratch Kea could not be made; its last words.
  struct Failure: Error {
    var words: String
  }

  /// Starts it by the configuration `bytes`.
  ///
  /// - Parameter links: The addresses of each interface it shall have.
  /// - Throws: `Failure`, `SystemError`, `CancellationError`.
  static func start(
    _ bytes: [UInt8], links: [String: Set<IPv4Address>], settings: KeaSettings
  ) async throws -> ScratchKea {
    let source = AtomicFile(settings.scratch, mode: KeaSettings.fileMode)
    try source.stage(bytes)
    defer { source.discard() }
    let words = settings.scratch + ".out"
    let output = try FileDescriptor.open(words, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
    defer { unlink(words) }
    let process = try RunningProcess.start(
      command(source.stagedPath, links: links, settings: settings), environment: settings.command.environment,
      output: output)
    let scratch = ScratchKea(process, settings)
    do {
      let deadline = ContinuousClock.now + readyMax
      while await !scratch.isReady {
        let hasEnded = try await process.ended(by: min(deadline, .now + readyInterval))
        guard !hasEnded, ContinuousClock.now < deadline else {
          throw Failure(words: CommandOutput.lastWords(in: words, octetsMax: KeaWords.octetsMax))
        }
      }
      return scratch
    } catch {
      await scratch.end()
      throw error
    }
  }

  private init(_ process: RunningProcess, _ settings: KeaSettings) {
    self.process = process
    self.settings = settings
    control = KeaControl(path: "/proc/\(process.pid)/root\(settings.controlSocket)")
  }

  /// Until its directories are covered, its paths lead to the real Kea: only the mark in the covered one is a proof.
  private var isReady: Bool {
    get async {
      guard access("/proc/\(process.pid)/root\(settings.configuration)\(Self.mark)", F_OK) == 0 else { return false }
      return await control.answers()
    }
  }

  private static let mark = ".scratch"

  /// Where its links are.
  var namespace: NetworkNamespace { .path("/proc/\(process.pid)/ns/net") }

  /// Lets it go over to another configuration.
  func load(_ bytes: [UInt8]) async throws -> KeaReply {
    try AtomicFile("/proc/\(process.pid)/root\(settings.configuration)", mode: KeaSettings.fileMode).replace(with: bytes)
    return try await control.send(.reload, timeout: KeaControl.reloadMax)
  }

  func end() async {
    // `timeout` passes it on.
    process.signal(SIGTERM)
    if await !process.endedRegardless(by: .now + Self.endMax) {
      process.signal(SIGKILL)
      _ = await process.endedRegardless(by: .now + Self.endMax)
    }
    process.reap()
  }

  /// The namespaces first, then what is in them, at last Kea.
  private static func command(
    _ source: String, links: [String: Set<IPv4Address>], settings: KeaSettings
  ) -> [String] {
    let directories = Set(settings.written + [settings.configurationDirectory]).sorted()
    return ["/usr/bin/unshare", "--net", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", script, "scratch-kea"]
      + [source, settings.configuration, settings.user ?? "", batch(links)] + directories + ["--"]
      + ["/usr/bin/timeout", "--kill-after=2", "\(lifeMax)"] + settings.userPrefix + settings.command.arguments
  }

  /// What makes the links, for `ip -batch`.
  private static func batch(_ links: [String: Set<IPv4Address>]) -> String {
    var lines = ["link set lo up"]
    for (index, link) in links.sorted(by: { $0.key < $1.key }).enumerated() {
      lines.append("link add name \(link.key) type veth peer name scratch-\(index)")
      lines += link.value.sorted().map { "addr add \($0)/32 dev \(link.key)" }
      lines += ["link set scratch-\(index) up", "link set \(link.key) up"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Reads the configuration before the directory it lies in is covered.
  private static let script = """
    set -e
    source=$1 target=$2 user=$3 links=$4
    shift 4
    exec 9<"$source"
    while [ "$1" != -- ]; do
      mount -t tmpfs -o mode=0755 scratch "$1"
      [ -z "$user" ] || chown "$user:" "$1"
      shift
    done
    shift
    cat <&9 >"$target"
    exec 9<&-
    chmod 644 "$target"
    printf %s "$links" | ip -batch -
    : >"$target.scratch"
    exec "$@"
    """
}
