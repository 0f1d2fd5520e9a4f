/// A DNS domain: labels of letters, digits and hyphens with dots, at most 253 octets, folded to
/// lower case, no dot at the end.
package struct DomainName: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package static let octetsMax = 253

  package init(_ text: String) throws(ResourceNameError) {
    guard !text.isEmpty else { throw .empty }
    guard text.utf8.count <= Self.octetsMax else { throw .tooLong(octetsMax: Self.octetsMax) }
    for label in text.split(separator: ".", omittingEmptySubsequences: false) {
      do { _ = try NodeName(String(label)) } catch {
        throw error == .empty ? .characters(isHostName: true) : error
      }
    }
    self.text = text.lowercased()
  }

  package var description: String { text }
}

extension DomainName: ExpressibleByStringLiteral {
  /// For domains written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}
