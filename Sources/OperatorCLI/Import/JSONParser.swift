/// Reads one JSON text (RFC 8259) and refuses what the RFC leaves to chance: of two members of one name, one would be
/// lost. Nothing behind the value but white space.
struct JSONParser {
  enum Failure: Error, Hashable {
    /// The octet, counted from 1, at which it stops being JSON.
    case notJSON(octet: Int)
    case tooDeep
    /// The path of the member that stands twice, for example `bmc.mac`.
    case duplicate(path: String)
  }

  /// How deep objects and lists may be nested: the contract's deepest message has three levels.
  static let depthMax = 16

  private let octets: [UInt8]
  private var position = 0

  static func parse(_ octets: [UInt8]) throws(Failure) -> JSONValue {
    var parser = JSONParser(octets: octets)
    let value = try parser.value(depth: 0, path: "")
    parser.skipSpace()
    guard parser.position == octets.count else { throw parser.failure }
    return value
  }

  private init(octets: [UInt8]) {
    self.octets = octets
  }

  private var failure: Failure { .notJSON(octet: position + 1) }
  private var next: UInt8? { position < octets.count ? octets[position] : nil }

  private mutating func skipSpace() {
    while let octet = next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { position += 1 }
  }

  /// Goes past `octet` if it is next.
  private mutating func take(_ octet: UInt8) -> Bool {
    guard next == octet else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int, path: String) throws(Failure) -> JSONValue {
    guard depth < Self.depthMax else { throw .tooDeep }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth, path: path))
    case UInt8(ascii: "["): return .array(try elements(depth: depth, path: path))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
    let begin = position
    for octet in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) where !take(octet) {
      position = begin
      throw failure
    }
    return value
  }

  private mutating func members(depth: Int, path: String) throws(Failure) -> [JSONValue.Member] {
    position += 1
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return [] }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure }
      let name = try string()
      let inner = path.isEmpty ? name : "\(path).\(name)"
      guard names.insert(name).inserted else { throw .duplicate(path: inner) }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw failure }
      members.append(.init(key: name, value: try value(depth: depth + 1, path: inner)))
      skipSpace()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw failure }
    return members
  }

  private mutating func elements(depth: Int, path: String) throws(Failure) -> [JSONValue] {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return [] }
    repeat {
      elements.append(try value(depth: depth + 1, path: "\(path)[\(elements.count)]"))
      skipSpace()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw failure }
    return elements
  }

  private mutating func number() throws(Failure) -> JSONValue {
    let begin = position
    _ = take(UInt8(ascii: "-"))
    // Behind a leading zero no digit follows.
    guard take(UInt8(ascii: "0")) || digits() > 0 else { throw failure }
    var isWhole = true
    if take(UInt8(ascii: ".")) {
      isWhole = false
      guard digits() > 0 else { throw failure }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() > 0 else { throw failure }
    }
    let text = String(decoding: octets[begin..<position], as: UTF8.self)
    if isWhole {
      if let value = Int64(text) { return .integer(value) }
      if let value = UInt64(text) { return .unsigned(value) }
    }
    guard let value = Double(text) else { throw failure }
    return .number(value)
  }

  /// Goes past the digits that are next and counts them.
  private mutating func digits() -> Int {
    let begin = position
    while let octet = next, octet >= UInt8(ascii: "0"), octet <= UInt8(ascii: "9") { position += 1 }
    return position - begin
  }
}

// Strings

extension JSONParser {
  private mutating func string() throws(Failure) -> String {
    let begin = position
    position += 1
    var text: [UInt8] = []
    while let octet = next {
      position += 1
      switch octet {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          position = begin
          throw failure
        }
        return string
      case UInt8(ascii: "\\"): text.append(contentsOf: String(try escaped()).utf8)
      case ..<0x20:
        position -= 1
        throw failure
      default: text.append(octet)
      }
    }
    throw failure
  }

  /// What stands behind a backslash. A lone half of a surrogate pair names no character.
  private mutating func escaped() throws(Failure) -> Unicode.Scalar {
    guard let octet = next else { throw failure }
    position += 1
    switch octet {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(octet)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try hexUnit()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      guard UTF16.isLeadSurrogate(unit), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw failure }
      let second = try hexUnit()
      let number = 0x1_0000 + ((UInt32(unit) & 0x3FF) << 10) + (UInt32(second) & 0x3FF)
      guard UTF16.isTrailSurrogate(second), let scalar = Unicode.Scalar(number) else { throw failure }
      return scalar
    default:
      position -= 1
      throw failure
    }
  }

  private mutating func hexUnit() throws(Failure) -> UInt16 {
    let digits = octets[position..<min(position + 4, octets.count)]
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure }
    position += 4
    return unit
  }
}
