internal import Provisioning

/// How our values stand in columns: numbers as 64-bit integers with their bits unchanged, 128-bit
/// numbers as 16 big-endian bytes.
extension Query {
  mutating func bind(_ value: UInt64) { bind(Int64(bitPattern: value)) }
  mutating func bind(_ value: DHCPSubnetID) { bind(Int64(value.number)) }
  mutating func bind(_ value: MACAddress) { bind(Int64(value.bits)) }
  mutating func bind(_ value: IPv4Address) { bind(Int64(value.bits)) }
  mutating func bind(_ value: IPv4Address?) { bind(value.map { Int64($0.bits) }) }
  mutating func bind(_ value: Generation) { bind(value.number) }
  mutating func bind(_ value: Timestamp) { bind(value.nanoseconds) }
  mutating func bind(_ value: Timestamp?) { bind(value?.nanoseconds) }
  mutating func bind(_ value: Bool) { bind(value ? 1 : 0 as Int64) }
  mutating func bind(_ value: UInt128) { bind(value.octets) }
  mutating func bind<Kind>(_ value: Identifier<Kind>) { bind(value.bits) }

  func generation(_ column: CInt) -> Generation { Generation(UInt64(bitPattern: int(column))) }
  func address(_ column: CInt) -> IPv4Address { IPv4Address(bits: UInt32(truncatingIfNeeded: int(column))) }
  func optionalAddress(_ column: CInt) -> IPv4Address? { isNull(column) ? nil : address(column) }
  func timestamp(_ column: CInt) -> Timestamp { Timestamp(nanoseconds: int(column)) }
  func optionalTimestamp(_ column: CInt) -> Timestamp? { isNull(column) ? nil : timestamp(column) }
  func dhcpID(_ column: CInt) -> DHCPSubnetID { DHCPSubnetID(number: UInt32(truncatingIfNeeded: int(column))) }
  func uint128(_ column: CInt) -> UInt128 { UInt128(octets: bytes(column)) }
  func identifier<Kind>(_ column: CInt) -> Identifier<Kind> { Identifier(bits: uint128(column)) }

  func mac(_ column: CInt) throws -> MACAddress {
    try readingStored("MAC address") { try MACAddress(bits: UInt64(bitPattern: int(column))) }
  }

  func name<Kind>(_ column: CInt) throws -> ResourceName<Kind> {
    try readingStored("name") { try ResourceName<Kind>(text(column)) }
  }

  func optionalName<Kind>(_ column: CInt) throws -> ResourceName<Kind>? {
    isNull(column) ? nil : try name(column)
  }
}

extension UInt128 {
  var octets: [UInt8] { (0..<16).map { UInt8(truncatingIfNeeded: self >> UInt128(120 - 8 * $0)) } }

  init(octets: [UInt8]) { self = octets.reduce(0) { $0 << 8 | UInt128($1) } }
}
