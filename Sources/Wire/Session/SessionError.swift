/// A session message with a value that no program of ours sends: the other side is broken or newer than it says.
package struct SessionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// For example `Header.prefix_length`.
  package var field: String

  package init(field: String) {
    self.field = field
  }

  package var description: String { "\(field) is not valid" }
}

/// `body`'s value, with whatever it throws told as one field of a session message.
func parse<Value>(_ field: String, _ body: () throws -> Value) throws(SessionError) -> Value {
  do { return try body() } catch { throw SessionError(field: field) }
}

extension UInt128 {
  /// 16 octets, the highest first: UUIDs, digests, incarnations.
  package init(octets: [UInt8], field: String) throws(SessionError) {
    guard octets.count == 16 else { throw SessionError(field: field) }
    self = octets.reduce(0) { $0 << 8 | UInt128($1) }
  }

  package var octets: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: self >> UInt128(120 - 8 * $0)) }
  }
}
