import Glibc
import Provisioning
import Synchronization
import Testing

@testable import Pserv

/// Against a real tftpd in a network namespace of the test's own.
@Suite(.enabled(if: TestRack.isPossible), .serialized, .timeLimit(.minutes(1)))
struct TFTPServerTests {
  @Test func theLoadersAreServedAtServedAddressesOnlyAndSeenByTheWatcher() async throws {
    let rack = try await TestRack()
    try await rack.clientAddress("10.1.0.200/22")
    var settings = TFTPSettings(root: rack.directory + "/tftp")
    settings.namespace = rack.server
    settings.loaders = rack.directory + "/loaders"
    try Directory.create(settings.loaders)
    let content = (0..<2_000).map { UInt8(truncatingIfNeeded: $0) }
    for loader in BootLoader.allCases { try AtomicFile(settings.loaders + "/" + loader.fileName).replace(with: content) }

    let addresses = Mutex<[IPv4Address]>([])
    let server = TFTPServer(settings, logger: rack.quiet) { addresses.withLock { $0 } }
    let observations = Observations()
    let view = AppliedView()
    view.swap(to: TestStates.hall1(nodes: 3), usedUp: [])
    let watcher = BootWatcher(
      interfaces: ["eno2"], links: NetlinkLinks(namespace: rack.server), view: view,
      holder: { Lease(dhcpID: DHCPSubnetID(number: 1), mac: TestStates.mac(2), address: $0, until: .distant) },
      observations: observations, namespace: rack.server, logger: rack.quiet, clock: SystemTimekeeper())

    try await withRunning(watcher.run) {
      try await withRunning(server.run) { () async throws in
        #expect(try await fetch("undionly.kpxe", in: rack) == nil, "nothing is served yet")
        addresses.withLock { $0 = ["10.1.0.1"] }
        #expect(try await eventually { try await fetch("undionly.kpxe", in: rack) == content })
        #expect(try await fetch("snponly.efi", in: rack) == content)
        #expect(try await fetch("../loaders/undionly.kpxe", in: rack) == nil)
        #expect(server.warnings.isEmpty)
        #expect(try await eventually { observations.boots.contains { $0.stage == .loader && $0.failure == nil } })
        #expect(observations.boots.first?.mac == TestStates.mac(2))

        addresses.withLock { $0 = [] }
        #expect(try await eventually { try await fetch("undionly.kpxe", in: rack) == nil })
      }
    }
  }

  @Test func aMissingLoaderIsAWarningAndNoReasonToStop() async throws {
    let rack = try await TestRack()
    var settings = TFTPSettings(root: rack.directory + "/tftp")
    settings.loaders = rack.directory + "/nowhere"
    settings.namespace = rack.server
    let server = TFTPServer(settings, logger: rack.quiet) { [] }
    try await withRunning(server.run) { () async throws in
      #expect(try await eventually { server.warnings.count == BootLoader.allCases.count })
      #expect(server.warnings.allSatisfy { $0.contains("package ipxe") })
    }
  }

  @Test func aServerThatCannotBeStartedIsToldAndTriedAgainUntilItCan() async throws {
    let rack = try await TestRack()
    try await rack.clientAddress("10.1.0.200/22")
    var settings = TFTPSettings(root: rack.directory + "/tftp")
    settings.namespace = rack.server
    settings.loaders = rack.directory + "/loaders"
    try Directory.create(settings.loaders)
    for loader in BootLoader.allCases { try AtomicFile(settings.loaders + "/" + loader.fileName).replace(with: [1, 2]) }
    let installed = settings.executable
    settings.executable = rack.directory + "/in.tftpd"
    let server = TFTPServer(settings, logger: rack.quiet) { ["10.1.0.1"] }
    let executable = settings.executable
    try await withRunning(server.run) { () async throws in
      #expect(try await eventually { server.warnings.contains { $0.contains("10.1.0.1:69") } })
      #expect(symlink(installed, executable) == 0)
      #expect(try await eventually(within: .seconds(30)) { try await fetch("undionly.kpxe", in: rack) == [1, 2] })
      #expect(try await eventually { server.warnings.isEmpty })
    }
  }

  /// A TFTP client of one transfer (RFC 1350).
  private func fetch(_ file: String, in rack: TestRack) async throws -> [UInt8]? {
    let endpoint = try rack.client.run { () throws(SystemError) in
      FileDescriptor(
        owning: try check(socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0), "socket"))
    }
    var server = sockaddr_in()
    server.sin_family = sa_family_t(AF_INET)
    server.sin_port = UInt16(69).bigEndian
    server.sin_addr.s_addr = IPv4Address("10.1.0.1").bits.bigEndian
    var content: [UInt8] = []
    var message = [0, 1] + Array("\(file)\0octet\0".utf8)
    while true {
      try send(message, to: server, endpoint)
      guard try await endpoint.ready(for: .readable, until: .now + .milliseconds(300)) else { return nil }
      var buffer = [UInt8](repeating: 0, count: 600)
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutableBytes(of: &server) {
        recvfrom(endpoint.number, &buffer, 600, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
      }
      guard count >= 4, buffer[1] == 3 else { return nil }
      content += buffer[4..<count]
      message = [0, 4, buffer[2], buffer[3]]
      if count < 516 {
        try send(message, to: server, endpoint)
        return content
      }
    }
  }

  private func send(_ message: [UInt8], to address: sockaddr_in, _ socket: FileDescriptor) throws {
    let count = withUnsafeBytes(of: address) {
      sendto(
        socket.number, message, message.count, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t($0.count))
    }
    _ = try check(Int32(count), "send")
  }
}

extension Timestamp {
  fileprivate static var distant: Timestamp { Timestamp(nanoseconds: .max) }
}
