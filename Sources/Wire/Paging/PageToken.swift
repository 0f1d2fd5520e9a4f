/// Where the next page of a list begins: behind the last row of the page before, by the values it is sorted by.
///
/// Positions survive what counting would not: rows that come and go between two pages move nothing. A token says
/// nothing about what its caller may see, so it is bound to its query but not secret.
package struct PageToken: Sendable, Hashable {
  /// The sort key of the last row that was sent, one text a column.
  package var position: [String]

  package init(after position: [String]) {
    precondition(position.count < 256, "a key has few columns")
    self.position = position
  }

  /// The longest token that is looked at, in characters.
  package static let textMax = 1024
  private static let version: UInt8 = 1
  /// Version, query and checksum.
  private static let headBytes = 1 + 8
  private static let tailBytes = 4

  /// The token of a page, as it travels.
  package func text(for query: PageQuery) -> String {
    var octets: [UInt8] = [Self.version] + query.fingerprint.octets
    for part in position {
      octets += UInt16(clamping: part.utf8.count).octets + Array(part.utf8.prefix(Int(UInt16.max)))
    }
    octets += UInt32(truncatingIfNeeded: fingerprint(octets)).octets
    return Base64URL.encode(octets)
  }

  /// - Throws: `PageTokenError` for a text that is no token, and for a token of another query.
  package init(_ text: String, for query: PageQuery) throws(PageTokenError) {
    guard text.utf8.count <= Self.textMax, let octets = Base64URL.decode(text),
      octets.count >= Self.headBytes + Self.tailBytes, octets[0] == Self.version
    else { throw .malformed }
    let content = octets.dropLast(Self.tailBytes)
    guard Array(octets.suffix(Self.tailBytes)) == UInt32(truncatingIfNeeded: Wire.fingerprint(content)).octets else {
      throw .malformed
    }
    guard Array(octets[1..<Self.headBytes]) == query.fingerprint.octets else { throw .foreign }
    position = []
    var rest = content.dropFirst(Self.headBytes)
    while !rest.isEmpty {
      guard rest.count >= 2 else { throw .malformed }
      let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
      rest = rest.dropFirst(2)
      guard rest.count >= length, let part = String(validating: rest.prefix(length), as: UTF8.self) else {
        throw .malformed
      }
      position.append(part)
      rest = rest.dropFirst(length)
    }
  }
}

/// What a page token belongs to: a method, its filters and its order. The size of a page is no part of it.
package struct PageQuery: Sendable, Hashable {
  package var method: String
  /// Names and values, in any order; empty values are no filter.
  package var filters: [String: String]
  package var order: String

  package init(_ method: String, filters: [String: String] = [:], order: String = "") {
    self.method = method
    self.filters = filters
    self.order = order
  }

  fileprivate var fingerprint: UInt64 {
    var octets: [UInt8] = []
    let parts =
      [method, order] + filters.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    for part in parts { octets += UInt32(clamping: part.utf8.count).octets + Array(part.utf8) }
    return Wire.fingerprint(octets)
  }
}

/// Why a page token is refused. The way out is the same: ask for the first page.
package enum PageTokenError: Error, Sendable, Hashable, CustomStringConvertible {
  case malformed
  case foreign

  package var description: String {
    switch self {
    case .malformed: "is not a page token"
    case .foreign: "belongs to a list with other filters or order"
    }
  }
}

/// FNV-1a of 64 bits: tells queries apart and finds damage; it keeps no secret.
private func fingerprint(_ octets: some Sequence<UInt8>) -> UInt64 {
  octets.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

extension FixedWidthInteger {
  /// The highest octet first.
  fileprivate var octets: [UInt8] {
    stride(from: bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
  }
}
