/// Header fields to be sent, flat in memory: one allocation grows for all of them and can be reused.
public struct HeaderFields: Sendable {
  private(set) var octets: [UInt8] = []
  private(set) var fields: [Field] = []

  struct Field: Sendable {
    var nameEnd: Int32
    var valueEnd: Int32
    var isSensitive: Bool
  }

  public init() {}

  public init(_ fields: KeyValuePairs<String, String>) {
    for (name, value) in fields { add(name, value) }
  }

  public var count: Int { fields.count }

  /// - Parameters:
  ///   - name: Lower case (RFC 9113 §8.2).
  ///   - isSensitive: Keeps the value out of compression tables on both sides and on the way (RFC 7541 §7.1.3).
  public mutating func add(_ name: String, _ value: String, isSensitive: Bool = false) {
    octets.append(contentsOf: name.utf8)
    let nameEnd = Int32(octets.count)
    octets.append(contentsOf: value.utf8)
    fields.append(Field(nameEnd: nameEnd, valueEnd: Int32(octets.count), isSensitive: isSensitive))
  }

  public mutating func add(_ name: String, octets value: some Sequence<UInt8>, isSensitive: Bool = false) {
    octets.append(contentsOf: name.utf8)
    let nameEnd = Int32(octets.count)
    octets.append(contentsOf: value)
    fields.append(Field(nameEnd: nameEnd, valueEnd: Int32(octets.count), isSensitive: isSensitive))
  }

  public mutating func add(contentsOf other: HeaderFields) {
    let shift = Int32(octets.count)
    octets.append(contentsOf: other.octets)
    for field in other.fields {
      fields.append(
        Field(
          nameEnd: field.nameEnd + shift, valueEnd: field.valueEnd + shift, isSensitive: field.isSensitive))
    }
  }

  public mutating func removeAll() {
    octets.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
  }
}
