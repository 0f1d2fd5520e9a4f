internal import HTTP2

/// Received header fields as octets. Most calls never look at them, so `Metadata` is made only on demand.
struct RawMetadata {
  private var octets: [UInt8] = []
  private var fields: [(nameEnd: Int32, valueEnd: Int32)] = []
  /// Whether the name of any ends with "-bin".
  private var hasBinary = false

  mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    octets.append(contentsOf: name)
    let nameEnd = Int32(octets.count)
    octets.append(contentsOf: value)
    fields.append((nameEnd, Int32(octets.count)))
    if name.last == UInt8(ascii: "n"), name.suffix(4).elementsEqual("-bin".utf8) { hasBinary = true }
  }

  mutating func removeAll() {
    guard !fields.isEmpty else { return }
    hasBinary = false
    octets.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
  }

  var isEmpty: Bool { fields.isEmpty }

  /// Several binary values may share one field, separated by commas (PROTOCOL-HTTP2.md); a value that is not
  /// base64 is left out.
  func metadata() -> Metadata {
    var result = Metadata()
    var start = 0
    for field in fields {
      let name = String(decoding: octets[start..<Int(field.nameEnd)], as: UTF8.self)
      let value = octets[Int(field.nameEnd)..<Int(field.valueEnd)]
      if name.hasSuffix("-bin") {
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          if let binary = Base64.decode(part.filter { $0 != UInt8(ascii: " ") }) { result.add(binary: binary, for: name) }
        }
      } else {
        result.add(String(decoding: value, as: UTF8.self), for: name)
      }
      start = Int(field.valueEnd)
    }
    return result
  }

  /// Whether a `-bin` value is malformed, which a server answers with `internalError`.
  @inline(__always)
  var hasMalformedBinary: Bool { hasBinary && findsMalformedBinary }

  private var findsMalformedBinary: Bool {
    var start = 0
    for field in fields {
      let isBinary = octets[start..<Int(field.nameEnd)].suffix(4).elementsEqual("-bin".utf8)
      if isBinary {
        let value = octets[Int(field.nameEnd)..<Int(field.valueEnd)]
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        where Base64.decode(part.filter { $0 != UInt8(ascii: " ") }) == nil {
          return true
        }
      }
      start = Int(field.valueEnd)
    }
    return false
  }
}

extension HeaderFields {
  /// Adds what the application wants to send.
  ///
  /// - Throws: `internalError` naming a key or value that HTTP or gRPC does not allow: refusing it here keeps
  ///   one bad value from breaking the connection for others.
  mutating func add(_ metadata: Metadata) throws(RPCError) {
    for entry in metadata.entries {
      guard Metadata.isSendable(key: entry.key) else {
        throw RPCError(.internalError, "metadata key '\(entry.key)' is not allowed")
      }
      switch entry.value {
      case .binary(let octets): add(entry.key, octets: Base64.encode(octets))
      case .string(let text):
        guard !entry.key.hasSuffix("-bin"), text.utf8.allSatisfy({ $0 >= 0x20 && $0 <= 0x7e }) else {
          throw RPCError(.internalError, "metadata '\(entry.key)' has a value that is not printable ASCII")
        }
        add(entry.key, text, isSensitive: entry.key == "authorization")
      }
    }
  }
}

extension Metadata {
  /// Lower-case letters, digits, `_`, `-` and `.`, not beginning with `grpc-`, which gRPC keeps for itself.
  static func isSendable(key: String) -> Bool {
    guard !key.isEmpty, !key.hasPrefix("grpc-"), !reserved.contains(key) else { return false }
    return key.utf8.allSatisfy { octet in
      switch octet {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
        UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }

  /// Fields that the transport writes, or that HTTP/2 forbids (RFC 9113 §8.2.2).
  private static let reserved: Set<String> = [
    "content-type", "te", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host",
    "content-length",
  ]
}
