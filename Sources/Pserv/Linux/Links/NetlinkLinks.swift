internal import CLinux
internal import Glibc

/// The interfaces of this host, from the kernel's route netlink.
package struct NetlinkLinks: LinkSource {
  private let namespace: NetworkNamespace

  /// How long the kernel may take for a dump; it answers in microseconds.
  private static let dumpTimeoutMilliseconds: Int32 = 2_000
  private static let datagramBytesMax = 64 << 10

  package init(namespace: NetworkNamespace = .own) {
    self.namespace = namespace
  }

  package func links(of interfaces: [String]) throws -> [LinkState] {
    let socket = try open()
    var table = LinkTable()
    for addresses: Int32 in [0, 1] {
      _ = try muster_netlink_dump(socket.number, addresses, UInt32(addresses) + 1).orThrow("netlink dump")
      var isDone = false
      while !isDone {
        for message in try Self.receive(socket, timeoutMilliseconds: Self.dumpTimeoutMilliseconds) {
          if case .done = message { isDone = true }
          if case .failed(let code) = message { throw SystemError("netlink dump", code: code) }
          table.apply(message)
        }
      }
    }
    return table.links(of: interfaces)
  }

  package func watch(_ changed: @escaping @Sendable () -> Void) async throws {
    let socket = try open()
    // A change between the caller's last look and the subscription would be lost otherwise.
    changed()
    while try await socket.ready(for: .readable) {
      if try Self.drain(socket) { changed() }
    }
  }

  /// Reads what waits; whether something may have changed.
  private static func drain(_ socket: FileDescriptor) throws(SystemError) -> Bool {
    var isNews = false
    while true {
      do throws(SystemError) {
        let messages = try receive(socket, timeoutMilliseconds: 0)
        if messages.isEmpty { return isNews }
        isNews = isNews || messages.contains { $0 != .other }
      } catch {
        // The kernel dropped notifications when there were too many.
        guard error.code == ENOBUFS else { throw error }
        isNews = true
      }
    }
  }

  private func open() throws(SystemError) -> FileDescriptor {
    try namespace.run { () throws(SystemError) in
      FileDescriptor(owning: try muster_netlink_open().orThrow("netlink socket"))
    }
  }

  /// The messages of the next datagram; none when nothing comes in time.
  ///
  /// - Throws: `SystemError`; `ETIMEDOUT` when a positive timeout passed.
  private static func receive(
    _ socket: FileDescriptor, timeoutMilliseconds: Int32
  ) throws(SystemError) -> [NetlinkMessage] {
    if timeoutMilliseconds > 0 {
      var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      let count = try check(poll(&entry, 1, timeoutMilliseconds), "poll netlink")
      guard count > 0 else { throw SystemError("netlink dump", code: ETIMEDOUT) }
    }
    var buffer = [UInt8](repeating: 0, count: datagramBytesMax)
    let count = recv(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count >= 0 else {
      if errno == EAGAIN || errno == EINTR { return [] }
      throw .last("receive netlink")
    }
    return NetlinkMessage.parse(Array(buffer.prefix(count)))
  }
}

/// Links and addresses as messages add up.
struct LinkTable: Sendable {
  private var names: [UInt32: String] = [:]
  private var up: Set<UInt32> = []
  private var addresses: [UInt32: [LinkAddress]] = [:]

  mutating func apply(_ message: NetlinkMessage) {
    switch message {
    case .link(let index, let name, let isUp):
      names[index] = name
      if isUp { up.insert(index) } else { up.remove(index) }
    case .linkGone(let index):
      names[index] = nil
      up.remove(index)
      addresses[index] = nil
    case .address(let index, let address):
      if addresses[index]?.contains(address) != true { addresses[index, default: []].append(address) }
    case .addressGone(let index, let address):
      addresses[index]?.removeAll { $0 == address }
    case .done, .failed, .other: break
    }
  }

  /// By name; interfaces that do not exist are left out.
  func links(of interfaces: [String]) -> [LinkState] {
    let wanted = Set(interfaces)
    return names.filter { wanted.contains($0.value) }
      .map { LinkState(interface: $0.value, isUp: up.contains($0.key), addresses: addresses[$0.key] ?? []) }
      .sorted { $0.interface < $1.interface }
  }
}
