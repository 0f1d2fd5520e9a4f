internal import CNghttp2

/// What RFC 9113 §8 asks of a request's header fields, one after the other.
///
/// nghttp2 has the same rules and applies all of them to each field of each request. A peer repeats most of its fields with
/// each request, so here a field's own part (`RequestField`, which `KnownFields` remembers) is separate from its place among
/// the others. The characters are judged by nghttp2's functions all the same.
struct RequestRules {
  private var seen: RequestParts = []
  private var contentLength: Int64 = 0

  /// - Returns: Whether the field may stand here. If not, the request is malformed.
  @inline(__always)
  mutating func admit(_ field: RequestField) -> Bool {
    guard seen.isDisjoint(with: field.forbidden) else { return false }
    seen.formUnion(field.parts)
    // Only one of them has one.
    contentLength |= field.contentLength
    return true
  }

  /// Whether the fields so far make a request (RFC 9113 §8.3.1 and §8.5).
  var isComplete: Bool {
    if seen.contains(.connect) { return seen.contains(.authority) && seen.isDisjoint(with: [.scheme, .path]) }
    guard seen.isSuperset(of: [.method, .scheme, .path]), !seen.isDisjoint(with: [.authority, .host]) else { return false }
    return !seen.contains(.webScheme) || seen.contains(.rootedPath) || seen.isSuperset(of: [.asterisk, .options])
  }

  /// How long the body will be, if the request says so. What follows a CONNECT is no body.
  var bodyBytes: Int64? { seen.contains(.contentLength) && !seen.contains(.connect) ? contentLength : nil }
}

/// What a field is for the rules.
struct RequestParts: OptionSet {
  var rawValue: UInt16

  static let method = RequestParts(rawValue: 1 << 0)
  static let scheme = RequestParts(rawValue: 1 << 1)
  static let authority = RequestParts(rawValue: 1 << 2)
  static let path = RequestParts(rawValue: 1 << 3)
  static let host = RequestParts(rawValue: 1 << 4)
  static let contentLength = RequestParts(rawValue: 1 << 5)
  /// No pseudo-header field.
  static let regular = RequestParts(rawValue: 1 << 6)
  static let connect = RequestParts(rawValue: 1 << 7)
  static let options = RequestParts(rawValue: 1 << 8)
  /// `http` or `https`, which ask for a path that begins with a slash.
  static let webScheme = RequestParts(rawValue: 1 << 9)
  static let rootedPath = RequestParts(rawValue: 1 << 10)
  static let asterisk = RequestParts(rawValue: 1 << 11)

  /// What a request has one of at most.
  static let single: RequestParts = [.method, .scheme, .authority, .path, .host, .contentLength]
}

/// A header field of a request by itself.
struct RequestField {
  let parts: RequestParts
  /// What must not have come before it: pseudo-header fields are the first, and some there may be only one of.
  let forbidden: RequestParts
  /// Octets; 0 for any other field.
  let contentLength: Int64

  /// - Returns: nil for a field that makes its request malformed wherever it stands.
  init?(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    guard nghttp2_check_header_name(name.octets, name.count) != 0 else { return nil }
    let isPseudo = name.first == UInt8(ascii: ":")
    guard let parts = isPseudo ? RequestField.pseudo(name, value) : RequestField.regular(name, value) else { return nil }
    self.parts = parts
    forbidden = parts.intersection(.single).union(isPseudo ? .regular : [])
    guard parts.contains(.contentLength) else {
      contentLength = 0
      return
    }
    guard let length = RequestField.length(value) else { return nil }
    contentLength = length
  }

  private static func pseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> RequestParts? {
    guard !value.isEmpty else { return nil }
    switch name.count {
    case 5 where name.equals(":path"):
      guard nghttp2_check_path(value.octets, value.count) != 0 else { return nil }
      return value.first == UInt8(ascii: "/") ? [.path, .rootedPath] : value.equals("*") ? [.path, .asterisk] : .path
    case 7 where name.equals(":method"):
      guard nghttp2_check_method(value.octets, value.count) != 0 else { return nil }
      return value.equals("CONNECT") ? [.method, .connect] : value.equals("OPTIONS") ? [.method, .options] : .method
    case 7 where name.equals(":scheme"):
      guard RequestField.isScheme(value) else { return nil }
      return value.equalsIgnoringCase("http") || value.equalsIgnoringCase("https") ? [.scheme, .webScheme] : .scheme
    case 10 where name.equals(":authority"):
      guard nghttp2_check_authority(value.octets, value.count) != 0 else { return nil }
      return .authority
    // `:protocol` among them: extended CONNECT (RFC 8441) was not offered.
    default: return nil
    }
  }

  private static func regular(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> RequestParts? {
    guard nghttp2_check_header_value_rfc9113(value.octets, value.count) != 0 else { return nil }
    switch name.count {
    case 2 where name.equals("te"): return value.equalsIgnoringCase("trailers") ? .regular : nil
    case 4 where name.equals("host"):
      return !value.isEmpty && nghttp2_check_authority(value.octets, value.count) != 0 ? [.regular, .host] : nil
    case 14 where name.equals("content-length"): return [.regular, .contentLength]
    // RFC 9113 §8.2.2.
    case 7 where name.equals("upgrade"), 10 where name.equals("connection") || name.equals("keep-alive"),
      16 where name.equals("proxy-connection"), 17 where name.equals("transfer-encoding"):
      return nil
    default: return .regular
    }
  }

  /// RFC 3986 §3.1.
  private static func isScheme(_ value: UnsafeRawBufferPointer) -> Bool {
    guard let first = value.first, first.isLetter else { return false }
    return value.allSatisfy { octet in
      switch octet {
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
      default: octet.isLetter || octet.isDigit
      }
    }
  }

  /// RFC 9110 §8.6: digits.
  private static func length(_ value: UnsafeRawBufferPointer) -> Int64? {
    guard !value.isEmpty, value.allSatisfy(\.isDigit) else { return nil }
    return Int64(String(decoding: value, as: UTF8.self))
  }
}
