internal import Glibc

/// What the kernel answered to a call of ours.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The call and what it was about, for example "open /etc/kea/kea-dhcp4.conf".
  package let operation: String
  /// An `errno` value.
  package let code: Int32

  package init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// The error of the call that just failed on this thread.
  static func last(_ operation: @autoclosure () -> String) -> SystemError {
    let code = errno
    return SystemError(operation(), code: code)
  }

  package var description: String {
    return "\(operation): \(String(cString: strerror(code)))"
  }
}

extension Int32 {
  /// The value of a call that returns a number or `-errno`.
  func orThrow(_ operation: @autoclosure () -> String) throws(SystemError) -> Int32 {
    guard self < 0 else { return self }
    throw SystemError(operation(), code: -self)
  }
}
