/// What text from outside may contain. Nothing that passes can end a string, start a line or name
/// another file in Kea's JSON, an iPXE script, a shell or a terminal; so escaping is the second
/// line of defence and never the only one.
package enum TextRule {
  /// False for control and format characters, the replacement character, line separators, unassigned and private code points.
  package static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    // What a decoder leaves of octets that are no UTF-8.
    if scalar == "\u{fffd}" { return false }
    if scalar.value < 0x80 { return scalar.value >= 0x20 && scalar.value < 0x7f }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
      return false
    default:
      return true
    }
  }

  /// Characters refused in every text: they end strings or start escapes in some language we write.
  package static func isQuoting(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\"", "'", "`", "\\": true
    default: false
    }
  }

  /// Why `text` is refused, or `nil` if it may be stored.
  package static func problem(
    in text: String, octetsMax: Int, asciiOnly: Bool = false
  ) -> TextProblem? {
    if text.utf8.count > octetsMax { return .tooLong(octetsMax: octetsMax) }
    for scalar in text.unicodeScalars {
      if !isPrintable(scalar) { return .control(scalar) }
      if isQuoting(scalar) { return .quote(scalar) }
      if asciiOnly && !scalar.isASCII { return .notASCII(scalar) }
    }
    if text.unicodeScalars.first == " " || text.unicodeScalars.last == " " { return .outerSpace }
    return nil
  }
}

/// Why a text was refused.
package enum TextProblem: Error, Sendable, Hashable, CustomStringConvertible {
  case tooLong(octetsMax: Int)
  case control(Unicode.Scalar)
  case quote(Unicode.Scalar)
  case notASCII(Unicode.Scalar)
  case outerSpace

  package var code: ProblemCode {
    if case .tooLong = self { .textTooLong } else { .textInvalid }
  }

  package var description: String {
    switch self {
    case .tooLong(let octetsMax): "is longer than \(octetsMax) octets"
    case .control(let scalar): "contains the unprintable character U+\(hex(scalar))"
    case .quote(let scalar): "contains the character \(scalar)"
    case .notASCII(let scalar): "contains the character U+\(hex(scalar)), which is not ASCII"
    case .outerSpace: "begins or ends with a space"
    }
  }

  package var fix: String {
    switch self {
    case .tooLong: "shorten it"
    case .control, .quote, .notASCII: "remove that character"
    case .outerSpace: "remove that space"
    }
  }

  private func hex(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
