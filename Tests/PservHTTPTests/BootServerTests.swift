import Foundation
import Glibc
import Logging
import Provisioning
import Testing

@testable import Pserv
@testable import PservHTTP

/// Over real sockets on a loopback address of the tests' own.
@Suite(.timeLimit(.minutes(1)))
struct BootServerTests {
  let mac: MACAddress = "52:54:00:00:00:2a"
  let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  let view = AppliedView()
  let sink = BootSink()

  private var rescue: BootProfileSpec {
    BootProfileSpec(
      name: "rescue", kind: .kernel(BootImage(kernel: "rescue/vmlinuz", initrds: ["rescue/initrd.gz"])))
  }

  /// Serves a directory with `files` while `body` runs.
  private func serving(
    _ desk: TestDesk = TestDesk(.enlisted), files: [String: [UInt8]] = [:],
    _ body: @escaping @Sendable (_ root: String, _ port: Int) async throws -> Void
  ) async throws {
    var template = Array("/tmp/mpt-http-XXXXXX\0".utf8CString)
    let root = String(cString: try #require(mkdtemp(&template)))
    defer { do { try FileManager.default.removeItem(atPath: root) } catch {} }
    for (name, content) in files {
      try Directory.create(root + "/boot/" + name.split(separator: "/").dropLast().joined(separator: "/"))
      try AtomicFile(root + "/boot/" + name).replace(with: content)
    }
    try Directory.create(root + "/tftp")
    try AtomicFile(root + "/tftp/snponly.efi").replace(with: [1, 2, 3])
    var settings = BootServerSettings(bootRoot: root + "/boot", loaderRoot: root + "/tftp")
    settings.port = 0
    let mac = mac
    let server = BootServer(
      settings, view: view, desk: desk, observations: sink,
      holder: {
        $0 == "127.77.0.1" ? Lease(dhcpID: TestView.place.dhcpID, mac: mac, address: $0, until: Timestamp(seconds: 1)) : nil
      }, clock: SystemTimekeeper(), logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { do { try await server.run() } catch is CancellationError {} }
      let deadline = ContinuousClock.now + .seconds(60)
      while server.listening[TestView.place.agentAddress] == nil, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(5))
      }
      let port = try #require(server.listening[TestView.place.agentAddress])
      try await body(root, port)
      group.cancelAll()
    }
  }

  @Test func theScriptIsThatOfTheAppliedStateAtTheMoment() async throws {
    view.swap(to: TestView.state([TestView.binding(mac)], profiles: [rescue]), usedUp: [])
    try await serving { [view, sink, mac] _, port async throws in
      let local = try await ask("GET /v1/boot.ipxe?mac=52%3A54%3A00%3A00%3A00%3A2a", port: port)
      #expect(local.status == 200)
      #expect(local.text.contains("sanboot"))
      view.swap(to: TestView.state([TestView.binding(mac, profile: "rescue")], profiles: [rescue]), usedUp: [])
      let kernel = try await ask("GET /v1/boot.ipxe?mac=\(mac)", port: port)
      #expect(kernel.text.contains("kernel http://127.77.0.1:\(port)/boot/rescue/vmlinuz?mac=\(mac)"))
      #expect(sink.boots.map(\.stage) == [.script, .script])
      #expect(sink.boots.allSatisfy { $0.mac == mac && $0.failure == nil })
      let stranger = try await ask("GET /v1/boot.ipxe?mac=52:54:00:00:00:99", port: port)
      #expect(stranger.text.contains("/v1/enlist.ipxe"))
      #expect(try await ask("GET /v1/boot.ipxe?mac=nonsense", port: port).status == 400)
      #expect(try await ask("GET /v1/boot.ipxe", port: port).text.contains("kernel"), "by its lease")
    }
  }

  @Test func theScriptOfAnOrderToBootOnceIsNotedAndNoOther() async throws {
    var ordered = TestView.binding(mac)
    ordered.bootOnce = BootOnce(profile: "rescue", token: 7)
    var unknown = ordered
    unknown.bootOnce = BootOnce(profile: "gone", token: 8)
    let desk = TestDesk(.enlisted)
    view.swap(to: TestView.state([ordered], profiles: [rescue]), usedUp: [])
    try await serving(desk) { [view, mac, ordered, unknown, rescue] _, port async throws in
      // A profile that the agent does not have boots the disk: the order is not carried out.
      view.swap(to: TestView.state([unknown], profiles: [rescue]), usedUp: [])
      _ = try await ask("GET /v1/boot.ipxe?mac=\(mac)", port: port)
      view.swap(to: TestView.state([ordered], profiles: [rescue]), usedUp: [BootOnceUse(key: ordered.key, token: 7)])
      _ = try await ask("GET /v1/boot.ipxe?mac=\(mac)", port: port)
      #expect(desk.served == [])
      view.swap(to: TestView.state([ordered], profiles: [rescue]), usedUp: [])
      let script = try await ask("GET /v1/boot.ipxe?mac=\(mac)", port: port)
      #expect(script.text.contains("rescue/vmlinuz"))
      #expect(desk.served == [BootOnceUse(key: ordered.key, token: 7)])
    }
  }

  @Test func filesOfProfilesAreStreamedAndNothingElseIs() async throws {
    view.swap(to: TestView.state([TestView.binding(mac, profile: "rescue")], profiles: [rescue]), usedUp: [])
    let kernel = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try await serving(files: ["rescue/vmlinuz": kernel, "rescue/initrd.gz": [7], "secret": [9]]) { [sink, mac] root, port async throws in
      let head = try await ask("HEAD /boot/rescue/vmlinuz", port: port)
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == "3000000")
      #expect(head.body.isEmpty)
      #expect(sink.boots.isEmpty)
      let whole = try await ask("GET /boot/rescue/vmlinuz?mac=\(mac)", port: port)
      #expect(whole.body == kernel)
      #expect(try await ask("GET /boot/rescue/initrd.gz?mac=\(mac)", port: port).body == [7])
      #expect(sink.boots.map(\.stage) == [.kernel])
      #expect(try await ask("GET /boot/secret?mac=\(mac)", port: port).status == 404, "no profile names it")
      for path in ["/boot/../secret", "/boot/rescue/%2e%2e/secret", "/boot//etc/passwd", "/boot/rescue", "/boot/"] {
        #expect(try await ask("GET \(path)", port: port).status == 404, "\(path)")
      }
    }
  }

  @Test func aMissingFileIsAFailedStageInTheOperatorsWords() async throws {
    view.swap(to: TestView.state([TestView.binding(mac, profile: "rescue")], profiles: [rescue]), usedUp: [])
    try await serving { [sink, mac] _, port async throws in
      #expect(try await ask("GET /boot/rescue/vmlinuz?mac=\(mac)", port: port).status == 404)
      #expect(try await ask("GET /boot/rescue/initrd.gz?mac=\(mac)", port: port).status == 404)
      #expect(
        sink.boots.map(\.failure) == ["kernel rescue/vmlinuz: HTTP 404", "initrd rescue/initrd.gz: HTTP 404"])
    }
  }

  @Test func aSymbolicLinkServesInsideTheRootAndNeverOutside() async throws {
    view.swap(to: TestView.state([TestView.binding(mac, profile: "rescue")], profiles: [rescue]), usedUp: [])
    try await serving(files: ["rescue/real": [5]]) { root, port async throws in
      symlink("real", root + "/boot/rescue/vmlinuz")
      #expect(try await ask("GET /boot/rescue/vmlinuz", port: port).body == [5])
      unlink(root + "/boot/rescue/vmlinuz")
      for target in ["/etc/passwd", "../../tftp/snponly.efi"] {
        symlink(target, root + "/boot/rescue/vmlinuz")
        #expect(try await ask("GET /boot/rescue/vmlinuz", port: port).status == 404)
        unlink(root + "/boot/rescue/vmlinuz")
      }
      mkfifo(root + "/boot/rescue/vmlinuz", 0o600)
      #expect(try await ask("GET /boot/rescue/vmlinuz", port: port).status == 404)
    }
  }

  @Test func theUEFILoaderIsServedByHTTPToo() async throws {
    view.swap(to: TestView.state([TestView.binding(mac)]), usedUp: [])
    try await serving { [sink] _, port async throws in
      #expect(try await ask("HEAD /v1/loader/snponly.efi", port: port).headers["content-length"] == "3")
      #expect(sink.boots.isEmpty)
      #expect(try await ask("GET /v1/loader/snponly.efi", port: port).body == [1, 2, 3])
      #expect(sink.boots.map(\.stage) == [.loader])
      #expect(try await ask("GET /v1/loader/other.efi", port: port).status == 404)
    }
  }

  @Test func aPhoneHomeReachesTheDeskAndSaysHowItWent() async throws {
    view.swap(to: TestView.state([TestView.binding(mac)]), usedUp: [])
    let desk = TestDesk(.enlisted)
    try await serving(desk) { _, port async throws in
      let body = #"{"macs":["52:54:00:00:00:2a"],"serial":"7XK2"}"#
      #expect(try await ask("POST /v1/phone-home", body: body, port: port).status == 204)
      #expect(desk.reports.first?.serial == "7XK2")
      #expect(desk.reports.first?.address == "127.77.0.1")
      let wrong = try await ask("POST /v1/phone-home", body: #"{"macs":["x"]}"#, port: port)
      #expect(wrong.status == 400)
      #expect(wrong.text.hasPrefix("macs: "))
      let long = String(repeating: " ", count: PhoneHomeBody.bytesMax + 1)
      #expect(try await ask("POST /v1/phone-home", body: long, port: port).status == 413)
      #expect(desk.reports.count == 1)
    }
    try await serving(TestDesk(.busy(retryAfter: .seconds(9)))) { _, port async throws in
      let busy = try await ask("POST /v1/phone-home", body: #"{"macs":["52:54:00:00:00:2a"]}"#, port: port)
      #expect(busy.status == 503)
      #expect(busy.headers["retry-after"] == "9")
    }
  }

  @Test func aLoaderEnlistsAMachineByItself() async throws {
    view.swap(to: TestView.state([]), usedUp: [])
    let desk = TestDesk(.enlisted)
    try await serving(desk) { _, port async throws in
      let path = "/v1/enlist.ipxe?mac=52-54-00-00-00-99&serial=7%20XK2&uuid=&platform=efi&memory_mib=512"
      let answer = try await ask("GET \(path)", port: port)
      #expect(answer.text.contains("sanboot"))
      #expect(desk.reports.first?.macs == ["52:54:00:00:00:99"])
      #expect(desk.reports.first?.serial == "7 XK2")
      #expect(desk.reports.first?.firmware == "uefi")
      #expect(desk.reports.first?.memoryMiB == 512)
    }
  }

  @Test func anAddressThatIsServedNoMoreIsNotListenedAt() async throws {
    view.swap(to: TestView.state([]), usedUp: [])
    try await serving { [view] _, port async throws in
      #expect(try await ask("GET /", port: port).status == 404)
      view.swap(to: .empty, usedUp: [])
      let deadline = ContinuousClock.now + .seconds(60)
      while (try? await ask("GET /", port: port)) != nil, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(20))
      }
      await #expect(throws: SystemError.self) { try await ask("GET /", port: port) }
    }
  }
}

struct BootFileInventoryTests {
  @Test func filesAreKnownByTheirDigestAndReadAgainOnlyWhenChanged() async throws {
    var template = Array("/tmp/mpt-files-XXXXXX\0".utf8CString)
    let root = String(cString: try #require(mkdtemp(&template)))
    defer { do { try FileManager.default.removeItem(atPath: root) } catch {} }
    let inventory = BootFileInventory(root: root)
    try AtomicFile(root + "/a").replace(with: Array("abc".utf8))
    let states = await inventory.describe(["a", "b"])
    // FIPS 180-2, appendix B.1.
    #expect(states[0].sha256.map { String($0, radix: 16) }.prefix(4).joined(separator: " ") == "ba 78 16 bf")
    #expect(states[0].sizeBytes == 3)
    #expect(states[1].sha256.isEmpty)
    try AtomicFile(root + "/a").replace(with: Array("abd".utf8))
    let again = await inventory.describe(["a"])
    #expect(again[0].sha256 != states[0].sha256)
    #expect(await inventory.describe(["a"]) == again)
  }
}

/// One answer to one request.
struct Answer: Sendable {
  var status = 0
  var headers: [String: String] = [:]
  var body: [UInt8] = []
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// Sends a request byte for byte, with no client in between that would tidy up the path.
///
/// On a thread of its own: it blocks, and the server under test needs the few threads that tests run on.
private func ask(_ request: String, body: String = "", port: Int) async throws -> Answer {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(with: Result { try askBlocking(request, body: body, port: port) })
    }
  }
}

private func askBlocking(_ request: String, body: String, port: Int) throws -> Answer {
  let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  let endpoint = FileDescriptor(owning: number)
  var limit = timeval(tv_sec: 10, tv_usec: 0)
  setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = TestView.place.agentAddress.bits.bigEndian
  // Bound like the server, so that its lease table knows the client.
  var local = address
  local.sin_port = 0
  let size = socklen_t(MemoryLayout<sockaddr_in>.size)
  _ = try check(withUnsafeBytes(of: &local) { bind(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), size) }, "bind")
  _ = try check(
    withUnsafeBytes(of: &address) { connect(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), size) },
    "connect")
  let head = "\(request) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
  let bytes = Array((head + body).utf8)
  var sent = 0
  while sent < bytes.count {
    let count = bytes[sent...].withUnsafeBytes { send(endpoint.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    if count <= 0 { break }
    sent += count
  }
  var received: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(endpoint.number, &buffer, buffer.count)
    if count <= 0 { break }
    received += buffer[..<count]
  }
  let end = Array("\r\n\r\n".utf8)
  guard let split = received.firstRange(of: end) else { throw SystemError("read an answer", code: EPROTO) }
  let lines = String(decoding: received[..<split.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
  var answer = Answer()
  answer.status = Int(lines[0].split(separator: " ")[1]) ?? 0
  for line in lines.dropFirst() {
    let parts = line.split(separator: ":", maxSplits: 1)
    answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
  }
  answer.body = Array(received[split.upperBound...])
  return answer
}
