internal import CLinux
internal import FoundationEssentials
internal import Glibc
internal import Provisioning

/// Kea's control channel: one command a connection over a unix socket.
///
/// Nothing here blocks a thread; every conversation has a deadline and a bound on the answer.
struct KeaControl: Sendable {
  let path: String

  /// Kea answers in microseconds but for a reload, which takes seconds at 100,000 reservations.
  static let commandMax: Duration = .seconds(10)
  static let reloadMax: Duration = .seconds(120)
  /// No answer we ask for is longer than a line; `config-get` is never asked for: it silences DHCP.
  private static let replyBytesMax = 256 << 10

  /// Sends a command and reads the answer.
  ///
  /// - Throws: `KeaControlError`, `SystemError` (`ECONNREFUSED`, `ENOENT`: Kea does not run), `CancellationError`.
  func send(_ command: KeaCommand, timeout: Duration = commandMax) async throws -> KeaReply {
    let deadline = ContinuousClock.now + timeout
    let socket = try connect()
    var rest = command.bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        try await wait(socket, .writable, command, deadline)
      } else if errno != EINTR {
        throw SystemError.last("write to \(path)")
      }
    }
    return try await reply(on: socket, to: command, by: deadline)
  }

  private func reply(
    on socket: FileDescriptor, to command: KeaCommand, by deadline: ContinuousClock.Instant
  ) async throws -> KeaReply {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(socket.number, &buffer, buffer.count)
      if count > 0 {
        guard bytes.count + count <= Self.replyBytesMax else { throw KeaControlError.answerTooLong(command.name) }
        bytes.append(contentsOf: buffer[..<count])
      } else if count == 0 {
        // Kea closes after its answer.
        return try KeaReply(parsing: bytes, to: command.name)
      } else if errno == EAGAIN {
        try await wait(socket, .readable, command, deadline)
      } else if errno != EINTR {
        throw SystemError.last("read from \(path)")
      }
    }
  }

  private func wait(
    _ socket: FileDescriptor, _ readiness: FileDescriptor.Readiness, _ command: KeaCommand,
    _ deadline: ContinuousClock.Instant
  ) async throws {
    guard try await socket.ready(for: readiness, until: deadline) else { throw KeaControlError.timeout(command.name) }
  }

  private func connect() throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try muster_unix_connect(path).orThrow("connect to \(path)"))
  }
}

/// A command with its arguments.
struct KeaCommand: Sendable, Hashable {
  let name: String
  let bytes: [UInt8]

  private init(_ name: String, _ arguments: ((inout JSONWriter) -> Void)? = nil) {
    var writer = JSONWriter()
    writer.object { command in
      command.member("command", name)
      if let arguments { command.object("arguments", arguments) }
    }
    self.name = name
    bytes = writer.bytes
  }

  static let status = KeaCommand("status-get")
  static let reload = KeaCommand("config-reload")
  /// The fingerprint of what Kea works by; see `KeaConfiguration`.
  static let serverTag = KeaCommand("server-tag-get")
  static let enable = KeaCommand("dhcp-enable")

  /// Kea answers nobody until `enable`, at most for that long.
  static func disable(atMost limit: Duration) -> KeaCommand {
    KeaCommand("dhcp-disable") { $0.member("max-period", limit.components.seconds) }
  }

  /// Makes Kea hold a lease, whatever it held on the address.
  ///
  /// - Parameter now: From which the remaining lifetime counts.
  static func adopt(_ lease: Lease, at now: Timestamp) -> KeaCommand {
    KeaCommand("lease4-update") {
      $0.member("ip-address", lease.address.description)
      $0.member("hw-address", lease.mac.description)
      $0.member("subnet-id", lease.dhcpID.number)
      $0.member("valid-lft", max(1, (lease.until.nanoseconds - now.nanoseconds) / 1_000_000_000))
      $0.member("expire", lease.until.nanoseconds / 1_000_000_000)
      $0.member("force-create", true)
    }
  }

  static func delete(_ address: String) -> KeaCommand {
    KeaCommand("lease4-del") { $0.member("ip-address", address) }
  }
}

/// What Kea answered.
struct KeaReply: Sendable, Hashable {
  enum Result: Int, Sendable {
    case success = 0, error = 1, unsupported = 2, empty = 3, conflict = 4
  }

  var result: Result
  /// At most `textOctetsMax`, on one line.
  var text: String
  var serverTag: String?

  static let textOctetsMax = 512

  private struct Body: Decodable {
    struct Arguments: Decodable {
      var serverTag: String?

      enum CodingKeys: String, CodingKey { case serverTag = "server-tag" }
    }

    var result: Int
    var text: String?
    var arguments: Arguments?
  }

  init(parsing bytes: [UInt8], to command: String) throws(KeaControlError) {
    let body: Body
    do { body = try JSONDecoder().decode(Body.self, from: Data(bytes)) } catch {
      throw .malformed(command)
    }
    guard let result = Result(rawValue: body.result) else { throw .malformed(command) }
    self.result = result
    text = CommandOutput.oneLine(body.text ?? "", octetsMax: Self.textOctetsMax)
    serverTag = body.arguments?.serverTag
  }

  /// - Throws: `KeaControlError.refused` unless the command was carried out; an empty result counts as carried out.
  func orThrow(_ command: String) throws(KeaControlError) {
    guard result == .success || result == .empty else { throw .refused(command, text) }
  }
}

/// What went wrong on the control channel.
package enum KeaControlError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Kea's own words, at most 512 octets.
  case refused(String, String)
  case malformed(String)
  case answerTooLong(String)
  case timeout(String)

  package var description: String {
    switch self {
    case .refused(let command, let words): "Kea refused \(command): \(words)"
    case .malformed(let command): "Kea's answer to \(command) is not understood"
    case .answerTooLong(let command): "Kea's answer to \(command) is too long"
    case .timeout(let command): "Kea did not answer \(command) in time"
    }
  }
}
