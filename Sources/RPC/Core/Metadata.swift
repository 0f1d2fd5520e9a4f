/// Headers of a call: an ordered multimap from lower-case ASCII keys to text, or to octets when the key
/// ends in `-bin` (PROTOCOL-HTTP2.md, "Custom-Metadata").
public struct Metadata: Sendable, Hashable {
  public enum Value: Sendable, Hashable {
    case string(String)
    case binary([UInt8])
  }

  public struct Entry: Sendable, Hashable {
    public var key: String
    public var value: Value

    public init(key: String, value: Value) {
      self.key = key
      self.value = value
    }
  }

  /// In the order they were added or received.
  public private(set) var entries: [Entry]

  public init() {
    entries = []
  }

  public var isEmpty: Bool { entries.isEmpty }
  public var count: Int { entries.count }

  /// Adds a text value. The key is lower-cased.
  ///
  /// A value that cannot travel (see `isSendable`) is not refused here; the call that carries it fails
  /// with `internal` and names the key.
  public mutating func add(_ value: String, for key: String) {
    entries.append(Entry(key: key.lowercased(), value: .string(value)))
  }

  /// Adds octets. The key is lower-cased and must end in `-bin`.
  public mutating func add(binary value: [UInt8], for key: String) {
    precondition(key.hasSuffix("-bin"), "a binary metadata key ends in -bin")
    entries.append(Entry(key: key.lowercased(), value: .binary(value)))
  }

  public mutating func add(contentsOf other: Metadata) {
    entries.append(contentsOf: other.entries)
  }

  public mutating func removeAll(for key: String) {
    entries.removeAll { $0.key == key }
  }

  /// The first text value of `key`; setting replaces all values of the key.
  public subscript(_ key: String) -> String? {
    get {
      for entry in entries where entry.key == key {
        if case .string(let text) = entry.value { return text }
      }
      return nil
    }
    set {
      let key = key.lowercased()
      removeAll(for: key)
      if let newValue { add(newValue, for: key) }
    }
  }

  /// The first binary value of `key`; setting replaces all values of the key.
  public subscript(binary key: String) -> [UInt8]? {
    get {
      for entry in entries where entry.key == key {
        if case .binary(let octets) = entry.value { return octets }
      }
      return nil
    }
    set {
      let key = key.lowercased()
      removeAll(for: key)
      if let newValue { add(binary: newValue, for: key) }
    }
  }

  /// All text values of `key` in order.
  public func strings(for key: String) -> [String] {
    entries.compactMap { entry in
      guard entry.key == key, case .string(let text) = entry.value else { return nil }
      return text
    }
  }

  /// All binary values of `key` in order.
  public func binaries(for key: String) -> [[UInt8]] {
    entries.compactMap { entry in
      guard entry.key == key, case .binary(let octets) = entry.value else { return nil }
      return octets
    }
  }
}

extension Metadata: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, Value)...) {
    self.init()
    for (key, value) in elements {
      switch value {
      case .string(let text): add(text, for: key)
      case .binary(let octets): add(binary: octets, for: key)
      }
    }
  }
}

extension Metadata.Value: ExpressibleByStringInterpolation {
  public init(stringLiteral value: String) { self = .string(value) }
}

extension Metadata: RandomAccessCollection {
  public var startIndex: Int { entries.startIndex }
  public var endIndex: Int { entries.endIndex }
  public subscript(position: Int) -> Entry { entries[position] }
}
