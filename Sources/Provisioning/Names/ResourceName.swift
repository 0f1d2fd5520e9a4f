/// What a name names. Each kind has a type of its own, so that names cannot be mixed up.
package protocol ResourceKind: Sendable {
  /// The word operators use: "node".
  static var noun: String { get }
  /// True if names of this kind are host names: letters, digits and hyphens only (RFC 1123 §2.1).
  static var isHostName: Bool { get }
  /// The longest name, in octets.
  static var octetsMax: Int { get }
}

extension ResourceKind {
  /// As long as a DNS label (RFC 1035 §2.3.4).
  package static var octetsMax: Int { 63 }
}

package enum NodeKind: ResourceKind {
  package static let noun = "node"
  package static let isHostName = true
}

package enum AgentKind: ResourceKind {
  package static let noun = "agent"
  package static let isHostName = false
}

package enum SubnetKind: ResourceKind {
  package static let noun = "subnet"
  package static let isHostName = false
}

package enum FabricKind: ResourceKind {
  package static let noun = "fabric"
  package static let isHostName = false
}

package enum ProfileKind: ResourceKind {
  package static let noun = "boot profile"
  package static let isHostName = false
}

package enum InterfaceKind: ResourceKind {
  package static let noun = "interface"
  package static let isHostName = false
  /// IFNAMSIZ of Linux without the NUL.
  package static let octetsMax = 15
}

package typealias NodeName = ResourceName<NodeKind>
package typealias AgentName = ResourceName<AgentKind>
package typealias SubnetName = ResourceName<SubnetKind>
package typealias FabricName = ResourceName<FabricKind>
package typealias ProfileName = ResourceName<ProfileKind>
package typealias InterfaceName = ResourceName<InterfaceKind>

/// A name of 1 to 63 (interfaces: 15) ASCII letters, digits and hyphens (kinds that are no host names: dots and
/// underscores too) that begins and ends with a letter or digit. Upper case is folded: host names
/// ignore case (RFC 4343), and two nodes that differ only in case would be one to DNS and DHCP.
package struct ResourceName<Kind: ResourceKind>: Hashable, Sendable {
  package let text: String

  package init(_ text: String) throws(ResourceNameError) {
    guard !text.isEmpty else { throw .empty }
    guard text.utf8.count <= Kind.octetsMax else { throw .tooLong(octetsMax: Kind.octetsMax) }
    var isFolded = true
    var last: UInt8 = 0
    for (position, byte) in text.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): break
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): isFolded = false
      case UInt8(ascii: "-") where position > 0: break
      case UInt8(ascii: "."), UInt8(ascii: "_"):
        guard !Kind.isHostName, position > 0 else { throw .characters(isHostName: Kind.isHostName) }
      default: throw .characters(isHostName: Kind.isHostName)
      }
      last = byte
    }
    guard isAlphanumeric(last) else { throw .characters(isHostName: Kind.isHostName) }
    self.text = isFolded ? text : text.lowercased()
  }
}

extension ResourceName: Comparable {
  /// Natural order: n2 before n10.
  package static func < (a: Self, b: Self) -> Bool { naturallyPrecedes(a.text, b.text) }
}

extension ResourceName: CustomStringConvertible {
  package var description: String { text }
}

extension ResourceName: ExpressibleByStringLiteral {
  /// For names written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Why a text is not a name.
package enum ResourceNameError: Error, Sendable, Hashable, CustomStringConvertible {
  case empty
  case tooLong(octetsMax: Int)
  case characters(isHostName: Bool)

  package var description: String {
    switch self {
    case .empty: "is empty"
    case .tooLong(let octetsMax): "is longer than \(octetsMax) octets"
    case .characters: "is not a valid name"
    }
  }

  package var fix: String {
    switch self {
    case .empty: "give it a name"
    case .tooLong: "shorten it"
    case .characters(isHostName: true): "use letters, digits and hyphens; begin and end with a letter or digit"
    case .characters(isHostName: false):
      "use letters, digits, dots, hyphens and underscores; begin and end with a letter or digit"
    }
  }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
  switch byte | 0x20 {
  case UInt8(ascii: "a")...UInt8(ascii: "z"): true
  default: (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
