internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Provisioning
internal import Pserv

/// Where a request came from and to.
struct BootRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let local: IPv4Address?
  let localPort: Int
  let remote: IPv4Address?

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    local = source.channel.localAddress.flatMap(IPv4Address.init)
    localPort = source.channel.localAddress?.port ?? 0
    remote = source.channel.remoteAddress.flatMap(IPv4Address.init)
  }

  var urls: BootURLs? { local.map { BootURLs(address: $0, port: localPort) } }
}

extension IPv4Address {
  /// `nil` for other families.
  fileprivate init?(_ address: SocketAddress) {
    guard case .v4 = address, let text = address.ipAddress else { return nil }
    do { try self.init(text) } catch { return nil }
  }
}

/// The answers. What a machine may get is decided by the applied view, at the time of the request.
struct BootRoutes: Sendable {
  let view: AppliedView
  let desk: any PhoneHomeDesk
  let observations: any ObservationSink
  let files: RootedFiles
  let loaders: RootedFiles
  let holder: @Sendable (IPv4Address) -> Lease?
  let clock: any Timekeeper
  let logger: Logger

  func responder() -> RouterResponder<BootRequestContext> {
    let router = Router(context: BootRequestContext.self)
    router.get("/v1/boot.ipxe") { request, context in try self.script(request, context) }
    router.get("/v1/enlist.ipxe") { request, context in try await self.enlistByLoader(request, context) }
    router.post("/v1/phone-home") { request, context in try await self.phoneHome(request, context) }
    for method in [HTTPRequest.Method.get, .head] {
      router.on("/v1/loader/**", method: method) { request, context in self.loader(request, context) }
      router.on("/boot/**", method: method) { request, context in self.file(request, context) }
    }
    return router.buildResponder()
  }

  // Scripts

  private func script(_ request: Request, _ context: BootRequestContext) throws -> Response {
    guard let urls = context.urls, let mac = machine(request, context) else {
      return .text(.badRequest, "mac: the MAC address of the machine that boots\n")
    }
    let answer = view.answer(to: mac, at: urls.address)
    let script = BootScript(for: answer, mac: mac, urls: urls)
    if script.failure == nil, case .known(let machine) = answer, let once = machine.once {
      try desk.willServe(once)
    }
    tell(.script, of: mac, at: urls.address, failure: script.failure)
    return .text(.ok, script.text)
  }

  /// A machine that enlists without a kernel: the loader says what it knows.
  private func enlistByLoader(_ request: Request, _ context: BootRequestContext) async throws -> Response {
    guard let urls = context.urls, let remote = context.remote else { return .text(.badRequest, "IPv4 only\n") }
    let query = request.uri.queryParameters
    var draft = MachineReportDraft(address: remote)
    draft.macs = query["mac"].map { [String($0)] } ?? []
    draft.serial = query["serial"].map(String.init) ?? ""
    draft.uuid = query["uuid"].map(String.init) ?? ""
    draft.firmware = query["platform"].map { $0 == "efi" ? "uefi" : "bios" } ?? ""
    draft.memoryMiB = query["memory_mib"].flatMap { UInt64($0) } ?? 0
    let report: MachineReport
    do { report = try draft.checked() } catch { return .text(.badRequest, "\(error)\n") }
    let outcome = try await desk.phoneHome(report, at: urls.address)
    return .text(.ok, BootScript.enlisted(outcome, mac: report.macs[0], urls: urls).text)
  }

  private func phoneHome(_ request: Request, _ context: BootRequestContext) async throws -> Response {
    guard let local = context.local, let remote = context.remote else { return .text(.badRequest, "IPv4 only\n") }
    let body: ByteBuffer
    do { body = try await request.body.collect(upTo: PhoneHomeBody.bytesMax) } catch {
      return .text(.contentTooLarge, "at most \(PhoneHomeBody.bytesMax) octets\n")
    }
    let report: MachineReport
    do { report = try PhoneHomeBody.parse(Array(body.readableBytesView), from: remote) } catch {
      return .text(.badRequest, "\(error)\n")
    }
    switch try await desk.phoneHome(report, at: local) {
    case .known, .enlisted: return Response(status: .noContent)
    case .busy(let wait):
      var response = Response.text(.serviceUnavailable, "too many unknown machines; ask again later\n")
      response.headers[.retryAfter] = "\(max(1, wait.components.seconds))"
      return response
    case .notServed: return .text(.notFound, "no subnet is served at this address\n")
    }
  }

  // Files

  private func loader(_ request: Request, _ context: BootRequestContext) -> Response {
    guard let local = context.local else { return .text(.badRequest, "IPv4 only\n") }
    let name = request.uri.path.dropFirst("/v1/loader/".utf8.count)
    guard let loader = BootLoader(rawValue: String(name)), let path = bootPath(loader.fileName),
      let file = loaders.open(path)
    else { return .text(.notFound, "no such loader\n") }
    let mac = machine(request, context)
    return send(file, isHead: request.method == .head) {
      if let mac { tell(.loader, of: mac, at: local, failure: nil) }
    }
  }

  private func file(_ request: Request, _ context: BootRequestContext) -> Response {
    guard let local = context.local else { return .text(.badRequest, "IPv4 only\n") }
    let mac = machine(request, context)
    let text = percentDecoded(request.uri.path.utf8.dropFirst("/boot/".utf8.count))
    // A kernel until a profile says otherwise: whoever mistyped a name meant to boot.
    let path = text.flatMap(bootPath)
    let use = path.flatMap(use) ?? .unnamed
    guard let path, use != .unnamed, let file = files.open(path) else {
      if let mac {
        let shown = PlainText(sanitizing: text ?? "").text
        tell(.kernel, of: mac, at: local, failure: "\(use.noun) \(shown.prefix(BootPath.octetsMax)): HTTP 404")
      }
      return .text(.notFound, "no such file\n")
    }
    return send(file, isHead: request.method == .head) {
      if let mac, use == .kernel { tell(.kernel, of: mac, at: local, failure: nil) }
    }
  }

  private enum Use {
    case kernel, initrd, unnamed

    var noun: String { self == .initrd ? "initrd" : "kernel" }
  }

  /// What some profile needs the file for: nothing else is served, whatever lies in the directory.
  private func use(of path: BootPath) -> Use? {
    var isInitrd = false
    for profile in view.profiles.byName.values {
      guard let image = profile.kind.image else { continue }
      if image.kernel == path { return .kernel }
      isInitrd = isInitrd || image.initrds.contains(path)
    }
    return isInitrd ? .initrd : nil
  }

  /// Streams a file as fast as the machine takes it, a chunk in memory at a time.
  private func send(_ file: RootedFile, isHead: Bool, whenSent: @escaping @Sendable () -> Void) -> Response {
    let size = file.version.sizeBytes
    let headers: HTTPFields = [.contentType: "application/octet-stream", .contentLength: "\(size)"]
    guard !isHead else { return Response(status: .ok, headers: headers) }
    let body = ResponseBody(contentLength: Int(size)) { writer in
      var offset: UInt64 = 0
      while offset < size {
        let from = offset
        let count = Int(min(UInt64(Self.chunkBytes), size - from))
        let chunk = try await NIOThreadPool.singleton.runIfActive { try file.read(at: from, count: count) }
        // Somebody cut the file short. The machine sees a broken connection, not a short kernel.
        guard !chunk.isEmpty else { throw ChannelError.eof }
        try await writer.write(ByteBuffer(bytes: chunk))
        offset += UInt64(chunk.count)
      }
      try await writer.finish(nil)
      whenSent()
    }
    return Response(status: .ok, headers: headers, body: body)
  }

  private static let chunkBytes = 256 << 10

  // Who asks

  /// The machine: by what it says, else by its lease. Neither proves anything, and nothing secret depends on it.
  private func machine(_ request: Request, _ context: BootRequestContext) -> MACAddress? {
    if let said = request.uri.queryParameters["mac"] {
      do { return try MACAddress(String(said)) } catch { return nil }
    }
    return context.remote.flatMap(holder)?.mac
  }

  private func tell(_ stage: BootStage, of mac: MACAddress, at local: IPv4Address, failure: String?) {
    let place: ServedPlace
    switch view.answer(to: mac, at: local) {
    case .known(let machine): place = machine.place
    case .unknown(_, let served): place = served
    case .notServed: return
    }
    observations.record(
      BootObservation(dhcpID: place.dhcpID, mac: mac, stage: stage, time: clock.wall, failure: failure))
  }

  private func bootPath(_ text: String) -> BootPath? {
    do { return try BootPath(text) } catch { return nil }
  }
}

/// The text of a percent-encoded path (RFC 3986 §2.1); `nil` when it is not UTF-8 or badly encoded.
func percentDecoded(_ bytes: some Sequence<UInt8>) -> String? {
  var decoded: [UInt8] = []
  var digits: [UInt8]?
  for byte in bytes {
    if var pending = digits {
      guard let value = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      pending.append(UInt8(value))
      if pending.count == 2 {
        decoded.append(pending[0] << 4 | pending[1])
        digits = nil
      } else {
        digits = pending
      }
    } else if byte == UInt8(ascii: "%") {
      digits = []
    } else {
      decoded.append(byte)
    }
  }
  guard digits == nil else { return nil }
  return String(validating: decoded, as: UTF8.self)
}

extension Response {
  static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"], body: .init(byteBuffer: .init(string: text)))
  }
}
