/// The 128-bit hash of one row of a feed: SipHash-2-4 with 128 bits of output over the encoding
/// below. The key is public and fixed; it separates versions, it is no secret.
///
/// The encoding of version 1. Numbers are big-endian; `text` is a 2-byte count of octets and the
/// octets in UTF-8; `list` is a 2-byte count and the elements. An absent number is 0, an absent
/// text has no octets.
///
///     binding                              header
///     1  version = 1                       1  version = 1
///     1  kind = 0x02                       1  kind = 0x01
///     4  dhcp_id                           4  dhcp_id
///     6  mac                               text name
///     16 node uid                          text fabric
///     1  0 pool, 1 reserved                4  network    1  prefix length
///     4  address                           2  vlan       4  gateway
///     text hostname                        1  1 if DHCP is on
///     text boot profile                    4  lease, seconds
///     text boot once                       list pool ranges: 4 first, 4 last
///     8  boot once token                   list dns servers: 4 address
///                                          text domain
///                                          list ntp servers: 4 address
///                                          list relays: 4 address
///
/// Generation and epoch are no part of it: two sides that hold the same rows agree, however they
/// came by them. The result's 16 bytes, read as a little-endian number, are `bits`.
package struct RowHash: Hashable, Sendable {
  package let bits: UInt128

  /// For hashes read back from where they were stored.
  package init(bits: UInt128) {
    self.bits = bits
  }

  package init(_ binding: Binding) {
    bits = sipHash128(RowHash.encode(binding), key: RowHash.key)
  }

  package init(_ header: SubnetHeader) {
    bits = sipHash128(RowHash.encode(header), key: RowHash.key)
  }

  /// "muster" and "digest", each with the version's byte last.
  static let key: (UInt64, UInt64) = (0x6d75_7374_6572_0001, 0x6469_6765_7374_0001)

  static func encode(_ binding: Binding) -> [UInt8] {
    var row = ByteWriter(reserving: 96)
    row.uint8(UInt8(SubnetDigest.version))
    row.uint8(0x02)
    row.uint32(binding.subnet.number)
    row.uint48(binding.mac.bits)
    row.uint128(binding.node.bits)
    row.uint8(binding.address == nil ? 0 : 1)
    row.uint32(binding.address?.bits ?? 0)
    row.text(binding.hostname.text)
    row.text(binding.bootProfile?.text ?? "")
    row.text(binding.bootOnce?.profile.text ?? "")
    row.uint64(binding.bootOnce?.token ?? 0)
    return row.bytes
  }

  static func encode(_ header: SubnetHeader) -> [UInt8] {
    var row = ByteWriter(reserving: 160)
    row.uint8(UInt8(SubnetDigest.version))
    row.uint8(0x01)
    row.uint32(header.dhcpID.number)
    row.text(header.name.text)
    row.text(header.fabric.text)
    row.uint32(header.prefix.network.bits)
    row.uint8(UInt8(header.prefix.length))
    row.uint16(header.vlan ?? 0)
    row.uint32(header.gateway?.bits ?? 0)
    row.uint8(header.isDHCPOn ? 1 : 0)
    row.uint32(header.leaseSeconds)
    row.list(header.pool.ranges) { row, range in
      row.uint32(range.first.bits)
      row.uint32(range.last.bits)
    }
    row.list(header.dnsServers) { $0.uint32($1.bits) }
    row.text(header.domain?.text ?? "")
    row.list(header.ntpServers) { $0.uint32($1.bits) }
    row.list(header.relays) { $0.uint32($1.bits) }
    return row.bytes
  }
}
