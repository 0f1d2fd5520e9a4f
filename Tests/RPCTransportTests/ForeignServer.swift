import Foundation
import Synchronization

@testable import RPCTransport

/// A server of another maker in a process of its own, for the length of a test.
///
/// It ends when its standard input does, so that none outlives a test that crashes.
final class ForeignServer: Sendable {
  let address: EndpointAddress
  private let process: Process
  private let input: Pipe

  /// What gRPC C++ serves; `scripts/lib_foreign/build` makes it.
  static var grpcCPP: String { Python.root.appending(path: ".build/foreign/grpc-server").path }

  /// - Throws: `Failure` when the process says no `listening PORT`.
  init(_ executable: String, _ arguments: [String]) async throws {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let port = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int, any Error>) in
      Thread.detachNewThread {
        var text = ""
        while !text.contains("\n") {
          let octets = output.fileHandleForReading.availableData
          guard !octets.isEmpty else { return continuation.resume(throwing: Failure(said: text)) }
          text += String(decoding: octets, as: UTF8.self)
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0] == "listening", let port = Int(words[1]) else {
          return continuation.resume(throwing: Failure(said: text))
        }
        continuation.resume(returning: port)
      }
    }
    self.process = process
    self.input = input
    address = .tcp(host: "127.0.0.1", port: port)
  }

  static func python(_ script: String, _ arguments: String...) async throws -> ForeignServer {
    try await ForeignServer(Python.path, [Python.script(script)] + arguments)
  }

  deinit {
    // Nobody else closes it, so this cannot fail but for a process that is gone.
    do { try input.fileHandleForWriting.close() } catch { process.terminate() }
  }

  struct Failure: Error {
    var said: String
  }
}
