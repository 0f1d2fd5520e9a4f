@testable import RPCTransport

/// Serves at a port that another server of this process had a moment ago.
///
/// A child of another test that is between fork and exec holds the listener of before as well; it lets go within moments.
func serveAgain(_ make: () -> Server) async throws -> Task<Void, any Error> {
  var attemptsLeft = 50
  while true {
    let server = make()
    let running = Task { try await server.run() }
    do {
      _ = try await server.boundAddresses
      return running
    } catch ServerError.cannotListen where attemptsLeft > 0 {
      _ = await running.result
      attemptsLeft -= 1
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
