/// Where a controller is reached: an IPv4 address or a DNS name, as text.
package struct HostAddress: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package init(_ text: String) throws(HostAddressError) {
    do {
      self.text = try IPv4Address(text).description
    } catch {
      // A name whose last label is a number is a mistyped address (RFC 3696 §2).
      guard let name = Self.name(text),
        let last = name.text.split(separator: ".").last, !last.allSatisfy(\.isNumber)
      else { throw HostAddressError() }
      self.text = name.text
    }
  }

  private static func name(_ text: String) -> DomainName? {
    do { return try DomainName(text) } catch { return nil }
  }

  package var description: String { text }
}

extension HostAddress: ExpressibleByStringLiteral {
  /// For addresses written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// A text that is neither an address nor a name.
package struct HostAddressError: Error, Sendable, Hashable, CustomStringConvertible {
  package var description: String { "is neither an IPv4 address nor a host name" }
  package var fix: String { "write an address such as 10.9.0.42, or a DNS name" }
}
