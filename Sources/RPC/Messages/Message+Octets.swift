extension Message {
  /// The encoded message.
  public func serializedBytes() -> [UInt8] {
    var target = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    serialize { sizeBytes in
      target = .allocate(byteCount: sizeBytes, alignment: 1)
      return target
    }
    defer { target.deallocate() }
    return Array(target)
  }

  /// - Throws: `MessageError`, as `init(serialized:limits:)`.
  public init(serializedBytes bytes: [UInt8], limits: MessageLimits = .standard) throws(MessageError) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(MessageError) in try Self(serialized: bytes, limits: limits) }
    }
    self = try result.get()
  }
}
