/// One line of text for people: printable, without quotes and backslashes, possibly empty.
package struct PlainText: Hashable, Sendable {
  package let text: String

  package static let empty = PlainText(checked: "")
  /// The longest text, in octets of UTF-8.
  package static let octetsMax = 128

  package init(_ text: String) throws(TextProblem) {
    if let problem = TextRule.problem(in: text, octetsMax: Self.octetsMax) { throw problem }
    self.text = text
  }

  /// Keeps what may be kept of a text that a machine reported about itself: refused characters
  /// become `?`, the rest is cut.
  package init(sanitizing text: String) {
    var kept = ""
    for scalar in text.unicodeScalars {
      let piece: Unicode.Scalar =
        TextRule.isPrintable(scalar) && !TextRule.isQuoting(scalar) ? scalar : "?"
      guard kept.utf8.count + String(piece).utf8.count <= Self.octetsMax else { break }
      if piece == " " && kept.isEmpty { continue }
      kept.unicodeScalars.append(piece)
    }
    while kept.unicodeScalars.last == " " { kept.unicodeScalars.removeLast() }
    self.text = kept
  }

  private init(checked text: String) {
    self.text = text
  }

  package var isEmpty: Bool { text.isEmpty }
}

extension PlainText: CustomStringConvertible {
  package var description: String { text }
}

extension PlainText: ExpressibleByStringLiteral {
  /// For texts written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// A word by which operators group nodes: 1 to 63 ASCII letters, digits and `. _ - :`, letter
/// or digit first. Case counts.
package struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let text: String

  package static let octetsMax = 63

  package init(_ text: String) throws(TextProblem) {
    guard text.utf8.count <= Self.octetsMax else { throw .tooLong(octetsMax: Self.octetsMax) }
    for (position, scalar) in text.unicodeScalars.enumerated() {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9": continue
      case ".", "_", "-", ":": if position > 0 { continue }
      default: break
      }
      if !TextRule.isPrintable(scalar) { throw .control(scalar) }
      throw .quote(scalar)
    }
    self.text = text
  }

  package static func < (a: Tag, b: Tag) -> Bool { a.text < b.text }
  package var description: String { text }
}

extension Tag: ExpressibleByStringLiteral {
  /// For tags written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}
