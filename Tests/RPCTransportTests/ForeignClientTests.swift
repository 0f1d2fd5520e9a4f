import Foundation
import Logging
import NIOPosix
import RPC
import Testing

@testable import RPCTransport

/// grpcio and hand-made HTTP/2 against our server.
///
/// Needs a Python with grpcio, grpcio-reflection and h2: `MUSTER_TEST_PYTHON`, or the one that `scripts/test` makes in
/// `.build/venv`.
@Suite(.serialized, .enabled(if: Python.isThere, "needs \(Python.path)"), .timeLimit(.minutes(5)))
struct ForeignClientTests {
  /// A loop of its own: floods must not slow the other suites down.
  private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private static var router: Router {
    let service = ConformanceService()
    return Router(
      services: [service, service.health]
        + Reflection.services(files: Conformance.fileDescriptors, serviceNames: ["conformance.Test"]))
  }

  private static var limits: ServerLimits {
    var limits = ServerLimits()
    limits.connection.messageBytesMax = 64 << 20
    limits.drainTimeout = .seconds(5)
    return limits
  }

  private func withServer(
    tls: ServerTLS? = nil, limits: ServerLimits = Self.limits, _ body: (Int) async throws -> Void
  ) async throws {
    let server = Server(
      router: Self.router, listeners: [Listener(address: .tcp(host: "127.0.0.1", port: 0), tls: tls)], limits: limits,
      eventLoopGroup: Self.group, logger: .quiet)
    let running = Task { try await server.run() }
    guard case .tcp(_, let port) = try await server.boundAddresses[0] else { return }
    try await body(port)
    running.cancel()
    try await running.value
  }

  @Test func grpcioSpeaksCleartext() async throws {
    try await withServer { port in try await Python.run("conformance.py", "127.0.0.1:\(port)") }
  }

  @Test func grpcioSpeaksMutualTLS() async throws {
    let files = try CertificateFiles()
    try await withServer(tls: mutualTLS(files)) { port in
      try await Python.run("conformance.py", "127.0.0.1:\(port)", files.certificate, files.certificate, files.key)
    }
  }

  @Test func tlsIsWhatOtherLibrariesExpect() async throws {
    let files = try CertificateFiles()
    try await withServer(tls: mutualTLS(files)) { port in
      try await Python.run("tls.py", "\(port)", files.certificate, files.key)
    }
  }

  private func mutualTLS(_ files: CertificateFiles) -> ServerTLS {
    ServerTLS(
      certificateChain: .file(files.certificate), privateKey: .file(files.key), clientTrustRoots: .file(files.certificate))
  }

  @Test func requestsThatNoLibrarySendsAreAnswered() async throws {
    try await withServer { port in try await Python.run("raw.py", "\(port)") }
  }

  @Test func hostilePeersAreClosedAndOthersServed() async throws {
    var limits = Self.limits
    limits.establishingTimeout = .seconds(3)
    try await withServer(limits: limits) { port in try await Python.run("abuse.py", "\(port)") }
  }

  @Test func goAwayUnderLoadFailsNoCallOfGrpcio() async throws {
    try await withReservedPort { port in
      let server = {
        Server(
          router: Self.router, listeners: [Listener(address: .tcp(host: "127.0.0.1", port: port))], limits: Self.limits,
          eventLoopGroup: Self.group, logger: .quiet)
      }
      var running = try await serveAgain(server)
      async let load: Void = Python.run("load.py", "127.0.0.1:\(port)", "3")
      for _ in 0..<3 {
        try await Task.sleep(for: .milliseconds(700))
        running.cancel()
        try await running.value
        running = try await serveAgain(server)
      }
      try await load
      running.cancel()
      try await running.value
    }
  }
}

/// The interpreter, and the scripts beside this file.
enum Python {
  static let path =
    ProcessInfo.processInfo.environment["MUSTER_TEST_PYTHON"]
    ?? root.appending(path: ".build/venv/bin/python").path

  static var isThere: Bool { FileManager.default.isExecutableFile(atPath: path) }

  /// Runs a script and records what it says failed. The script must say at least one PASS.
  static func run(_ script: String, _ arguments: String...) async throws {
    let output = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<String, any Error>) in
      let process = Process()
      process.executableURL = URL(filePath: path)
      process.arguments = [Python.script(script)] + arguments
      process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      do {
        try process.run()
      } catch {
        return continuation.resume(throwing: error)
      }
      Thread.detachNewThread {
        let octets = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        continuation.resume(returning: String(decoding: octets, as: UTF8.self))
      }
    }
    let lines = output.split(separator: "\n")
    for line in lines where line.hasPrefix("FAIL") { Issue.record("\(script): \(line)") }
    #expect(lines.contains { $0.hasPrefix("PASS") }, "\(output)")
  }

  static func script(_ name: String) -> String { here.appending(path: "Foreign/\(name)").path }

  private static var here: URL { URL(filePath: #filePath).deletingLastPathComponent() }
  /// The repository.
  static var root: URL { here.deletingLastPathComponent().deletingLastPathComponent() }
}
