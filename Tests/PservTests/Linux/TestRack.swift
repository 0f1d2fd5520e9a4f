import Foundation
import Glibc
import Logging
import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// A rack of two network namespaces joined by one cable: `eno2` of the server, `eth0` of the machines. Both, and the
/// directory, go when the test ends.
final class TestRack: Sendable {
  static let serverInterface = "eno2"
  static let clientInterface = "eth0"

  let directory: String
  let server: NetworkNamespace
  let client: NetworkNamespace
  private let names: [String]

  private static let counter = Atomic(0)

  private static let programs: [String] = [
    "/usr/sbin/kea-dhcp4", "/usr/sbin/in.tftpd", "/usr/bin/nsenter", "/usr/sbin/ip",
  ]

  /// Why real daemons cannot be used here; printed once when tests are left out.
  static let obstacle: String? = {
    let reason: String? =
      if getuid() != 0 {
        "not root"
      } else if let missing = programs.first(where: { access($0, X_OK) != 0 }) {
        "\(missing) is not installed"
      } else {
        nil
      }
    if let reason { print("left out: tests with real daemons in network namespaces: \(reason)") }
    return reason
  }()

  static var isPossible: Bool { obstacle == nil }

  init(_ addresses: [String] = ["10.1.0.1/22"]) async throws {
    let id = "mpt\(getpid())-\(Self.counter.wrappingAdd(1, ordering: .relaxed).oldValue)"
    names = ["\(id)s", "\(id)c"]
    server = .path("/run/netns/\(names[0])")
    client = .path("/run/netns/\(names[1])")
    directory = "/tmp/\(id)"
    try Directory.create(directory, mode: 0o755)
    for name in names {
      try await Self.ip("netns", "add", name)
      try await Self.ip("-n", name, "link", "set", "lo", "up")
    }
    try await Self.ip(
      "-n", names[0], "link", "add", Self.serverInterface, "type", "veth", "peer", "name", Self.clientInterface, "netns",
      names[1])
    for address in addresses {
      try await Self.ip("-n", names[0], "addr", "add", address, "dev", Self.serverInterface)
    }
    try await Self.ip("-n", names[0], "link", "set", Self.serverInterface, "up")
    try await Self.ip("-n", names[1], "link", "set", Self.clientInterface, "up")
    // The carrier of a veth comes a moment after both ends are up.
    let links = NetlinkLinks(namespace: server)
    while try links.links(of: [Self.serverInterface]).first?.isUp != true { await Task.yield() }
  }

  deinit {
    for name in names {
      for pid in Self.processes(in: name) { kill(pid, SIGKILL) }
      system("/usr/sbin/ip netns del \(name) 2>/dev/null")
    }
    system("rm -rf \(directory)")
  }

  private static func processes(in name: String) -> [Int32] {
    let namespace = NetworkNamespace.path("/run/netns/\(name)").identity
    return ProcessTable.find(in: namespace) { _ in true }.map(\.pid)
  }

  func serverLink(_ words: String...) async throws {
    try await Self.ip(["-n", names[0], "link", "set", Self.serverInterface] + words)
  }

  func serverAddress(_ words: String...) async throws {
    try await Self.ip(["-n", names[0], "addr"] + words + ["dev", Self.serverInterface])
  }

  func clientAddress(_ address: String) async throws {
    try await Self.ip("-n", names[1], "addr", "add", address, "dev", Self.clientInterface)
  }

  static func ip(_ words: String...) async throws { try await ip(words) }

  static func ip(_ words: [String]) async throws {
    let run = CommandRun(words: ["/usr/sbin/ip"] + words, timeout: .seconds(10))
    let outcome = try await run.run()
    guard outcome.status == 0 else { throw CommandFailed(words: words, output: outcome.output) }
  }

  struct CommandFailed: Error {
    var words: [String]
    var output: String
  }

  /// Runs a program among the machines.
  func runAtClient(_ words: String...) async throws -> CommandRun.Outcome {
    try await CommandRun(words: words, namespace: client, timeout: .seconds(30)).run()
  }

  var keaSettings: KeaSettings {
    var settings = KeaSettings.inDirectory(directory + "/kea")
    settings.namespace = server
    settings.probeTimeout = .milliseconds(600)
    return settings
  }

  func kea(_ observations: any ObservationSink = Observations(), _ change: (inout KeaSettings) -> Void = { _ in }) throws
    -> KeaBackend
  {
    var settings = keaSettings
    change(&settings)
    return try KeaBackend(
      settings, links: NetlinkLinks(namespace: server), observations: observations, logger: quiet,
      clock: SystemTimekeeper())
  }

  let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

/// Collects what the edges tell.
final class Observations: ObservationSink {
  private let state = Mutex((leases: [LeaseObservation](), boots: [BootObservation]()))

  func record(_ lease: LeaseObservation) { state.withLock { $0.leases.append(lease) } }
  func record(_ boot: BootObservation) { state.withLock { $0.boots.append(boot) } }

  var leases: [LeaseObservation] { state.withLock { $0.leases } }
  var boots: [BootObservation] { state.withLock { $0.boots } }
}

/// Runs something beside the body and ends it with the body.
func withRunning<Value: Sendable>(
  _ run: @escaping @Sendable () async throws -> Void, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask {
      do { try await run() } catch is CancellationError {}
      return nil
    }
    group.addTask { try await body() }
    while let value = try await group.next() {
      guard let value else { continue }
      group.cancelAll()
      return value
    }
    throw CancellationError()
  }
}

/// Waits for an edge to come to something; a test fails by `false`, not by a hang.
func eventually(within limit: Duration = .seconds(10), _ isTrue: () async throws -> Bool) async throws -> Bool {
  let deadline = ContinuousClock.now + limit
  while true {
    if try await isTrue() { return true }
    guard ContinuousClock.now < deadline else { return false }
    try await Task.sleep(for: .milliseconds(10))
  }
}
