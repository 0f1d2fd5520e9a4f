internal import NIOCore
internal import NIOPosix
#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What the system said, in its words and without the layers around it.
func describeConnectionError(_ error: any Error) -> String {
  switch error {
  case let error as NIOConnectionError:
    if let dns = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
      return "cannot resolve \(error.host): \(dns)"
    }
    guard let last = error.connectionErrors.last else { return "cannot connect to \(error.host)" }
    return describeConnectionError(last.error)
  case let error as IOError: return String(cString: strerror(error.errnoCode)).lowercased()
  case ChannelError.connectTimeout(let after): return "no answer within \(after.nanoseconds / 1_000_000) ms"
  case let error as SocketAddressError: return "\(error)"
  default: return "\(error)"
  }
}
