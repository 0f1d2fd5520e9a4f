/// The path of a file below the boot root: relative, without `.` and `..`, of characters that no
/// URL, script or shell treats in its own way. It cannot leave the root, by its type.
package struct BootPath: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  /// The longest path, in octets: DHCP's `file` field has 128 with its NUL (RFC 2131 §2).
  package static let octetsMax = 127

  package init(_ text: String) throws(BootPathError) {
    guard !text.isEmpty else { throw .empty }
    guard text.utf8.count <= Self.octetsMax else { throw .tooLong }
    guard text.utf8.first != UInt8(ascii: "/") else { throw .absolute }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "@"),
        UInt8(ascii: ","), UInt8(ascii: "~"), UInt8(ascii: "/"):
        continue
      default: throw .character
      }
    }
    for component in text.split(separator: "/", omittingEmptySubsequences: false) {
      guard !component.isEmpty, component != ".", component != ".." else { throw .component }
    }
    self.text = text
  }

  package var description: String { text }
}

extension BootPath: ExpressibleByStringLiteral {
  /// For paths written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text is not a path below the boot root.
package enum BootPathError: Error, Sendable, Hashable, CustomStringConvertible {
  case empty, tooLong, absolute, character, component

  package var description: String {
    switch self {
    case .empty: "is empty"
    case .tooLong: "is longer than \(BootPath.octetsMax) octets"
    case .absolute: "is not relative to the boot root"
    case .character: "contains a character that a boot file cannot have"
    case .component: "has an empty, '.' or '..' part"
    }
  }

  package var fix: String {
    switch self {
    case .empty: "give the path below the boot root, as in debian/vmlinuz"
    case .tooLong: "shorten it"
    case .absolute: "leave the first '/' out"
    case .character: "use letters, digits and . _ - + = @ , ~ /"
    case .component: "write the plain path"
    }
  }
}

/// The command line of a kernel: printable ASCII without quotes, backslashes and whatever iPXE
/// would read as its own (`${…}`, `&&`, `||`, a word that begins with `#`).
package struct KernelArguments: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  /// The longest command line, in octets.
  package static let octetsMax = 1024
  package static let empty = KernelArguments(checked: "")

  package init(_ text: String) throws(TextProblem) {
    if let problem = TextRule.problem(in: text, octetsMax: Self.octetsMax, asciiOnly: true) { throw problem }
    if text.contains("${") { throw .quote("$") }
    for word in text.split(separator: " ") {
      if word == "&&" { throw .quote("&") }
      if word == "||" { throw .quote("|") }
      if word.hasPrefix("#") { throw .quote("#") }
    }
    self.text = text
  }

  private init(checked text: String) {
    self.text = text
  }

  package var isEmpty: Bool { text.isEmpty }
  package var description: String { text }
}

extension KernelArguments: ExpressibleByStringLiteral {
  /// For arguments written in the program; wrong ones are a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}
