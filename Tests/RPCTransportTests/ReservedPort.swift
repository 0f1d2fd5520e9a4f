import Foundation
import NIOCore

/// A TCP port of 127.0.0.1 where nobody listens but whom `body` lets.
///
/// A socket holds it meanwhile that is bound and does not listen. So a connect is refused, a server that sets
/// `SO_REUSEADDR` (every one of these tests does) may listen there, and the kernel gives the port to nobody who leaves the
/// choice to it: neither to a server nor to a client of another test, which would keep a server from coming back to it.
/// - Throws: what `body` throws, and `POSIXError` when the kernel has no port left.
func withReservedPort(_ body: (_ port: Int) async throws -> Void) async throws {
  let holder = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
  defer { close(holder) }
  var isReused: CInt = 1
  setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<CInt>.size))
  let anyPort = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
  // A `sockaddr_in`: two octets of family, then the port, big end first.
  var bound = [UInt8](repeating: 0, count: 128)
  var length = socklen_t(bound.count)
  let isHeld = anyPort.withSockAddr { address, size in
    bind(holder, address, socklen_t(size)) == 0
      && bound.withUnsafeMutableBytes {
        getsockname(holder, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, &length)
      } == 0
  }
  guard isHeld else {
    throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EADDRINUSE)
  }
  try await body(Int(bound[2]) << 8 | Int(bound[3]))
}
