internal import Provisioning
internal import Store
internal import Wire

/// Which piece of a list a caller wants.
struct PageRequest: Sendable {
  let size: Int
  /// The key behind which the page begins; empty for the first.
  let after: [UInt8]
  private let query: PageQuery

  /// Reads of the store for one page; a filter that few rows pass ends a page early rather than read on for ever.
  static let readsMax = 8

  /// - Throws: `PageTokenError` for a token of another query.
  init(size: UInt32, token: String, query: PageQuery) throws {
    self.size = PageSize.rows(size)
    self.query = query
    guard !token.isEmpty else {
      after = []
      return
    }
    guard let key = try PageToken(token, for: query).position.first.flatMap([UInt8].init(hexText:)) else {
      throw PageTokenError.malformed
    }
    after = key
  }

  /// Reads pieces until the page is full or the list ends.
  func fill<Element>(_ read: ([UInt8], Int) throws -> Page<Element>) rethrows -> Page<Element> {
    var page = try read(after, size)
    var reads = 1
    while page.items.count < size, let next = page.next, reads < Self.readsMax {
      let more = try read(next, size - page.items.count)
      page.items += more.items
      page.next = more.next
      reads += 1
    }
    return page
  }

  /// The token of the next page; empty at the end.
  func token(after key: [UInt8]?) -> String {
    key.map { PageToken(after: [$0.hexText]).text(for: query) } ?? ""
  }
}

extension [UInt8] {
  /// Two lower-case hex digits an octet.
  var hexText: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(count * 2)
    for octet in self {
      text.append(digits[Int(octet >> 4)])
      text.append(digits[Int(octet & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for anything but pairs of hex digits.
  init?(hexText: String) {
    var octets: [UInt8] = []
    var high: UInt8?
    for character in hexText.utf8 {
      guard let digit = Character(Unicode.Scalar(character)).hexDigitValue else { return nil }
      if let first = high {
        octets.append(first << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
    guard high == nil else { return nil }
    self = octets
  }
}
