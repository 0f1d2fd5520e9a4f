internal import CLinux
internal import Glibc
internal import Provisioning

/// Route netlink as far as links and their IPv4 addresses go (rtnetlink(7)).
enum NetlinkMessage: Hashable, Sendable {
  case link(index: UInt32, name: String, isUp: Bool)
  case linkGone(index: UInt32)
  case address(index: UInt32, LinkAddress)
  case addressGone(index: UInt32, LinkAddress)
  case done
  case failed(code: Int32)
  case other

  /// Reads the messages of one datagram; what is cut off is left out.
  static func parse(_ bytes: [UInt8]) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    var rest = bytes[...]
    while rest.count >= 16 {
      let length = Int(rest.hostUInt32(at: 0))
      guard length >= 16, length <= rest.count else { break }
      messages.append(NetlinkMessage(type: Int(rest.hostUInt16(at: 4)), body: rest.prefix(length).dropFirst(16)))
      rest = rest.dropFirst(aligned(length))
    }
    return messages
  }

  private init(type: Int, body: ArraySlice<UInt8>) {
    switch type {
    case MUSTER_NLMSG_DONE: self = .done
    case MUSTER_NLMSG_ERROR:
      let code = body.count >= 4 ? Int32(bitPattern: body.hostUInt32(at: 0)) : 0
      self = code == 0 ? .other : .failed(code: -code)
    case MUSTER_RTM_NEWLINK: self = Self.link(body) ?? .other
    case MUSTER_RTM_DELLINK: self = body.count >= 8 ? .linkGone(index: body.hostUInt32(at: 4)) : .other
    case MUSTER_RTM_NEWADDR: self = Self.address(body).map { .address(index: $0, $1) } ?? .other
    case MUSTER_RTM_DELADDR: self = Self.address(body).map { .addressGone(index: $0, $1) } ?? .other
    default: self = .other
    }
  }

  /// struct ifinfomsg, then attributes; 3 is IFLA_IFNAME.
  private static func link(_ body: ArraySlice<UInt8>) -> NetlinkMessage? {
    guard body.count >= 16 else { return nil }
    // IFF_UP and IFF_LOWER_UP: switched on, and the cable carries.
    let flags = body.hostUInt32(at: 8)
    let isUp = flags & 0x1 != 0 && flags & 0x1_0000 != 0
    guard let name = attributes(body.dropFirst(16))[3] else { return nil }
    return .link(
      index: body.hostUInt32(at: 4), name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self), isUp: isUp)
  }

  /// struct ifaddrmsg, then attributes; 2 is IFA_LOCAL, 1 IFA_ADDRESS (the peer on point-to-point links).
  private static func address(_ body: ArraySlice<UInt8>) -> (UInt32, LinkAddress)? {
    guard body.count >= 8, body[body.startIndex] == UInt8(AF_INET) else { return nil }
    let found = attributes(body.dropFirst(8))
    guard let octets = found[2] ?? found[1], octets.count == 4 else { return nil }
    let bits = octets.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let length = Int(body[body.startIndex + 1])
    guard length <= 32 else { return nil }
    return (body.hostUInt32(at: 4), LinkAddress(address: IPv4Address(bits: bits), prefixLength: length))
  }

  private static func attributes(_ bytes: ArraySlice<UInt8>) -> [UInt16: ArraySlice<UInt8>] {
    var found: [UInt16: ArraySlice<UInt8>] = [:]
    var rest = bytes
    while rest.count >= 4 {
      let length = Int(rest.hostUInt16(at: 0))
      guard length >= 4, length <= rest.count else { break }
      found[rest.hostUInt16(at: 2)] = rest.prefix(length).dropFirst(4)
      rest = rest.dropFirst(aligned(length))
    }
    return found
  }

  private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

extension ArraySlice<UInt8> {
  /// A number in the host's order, `offset` octets after the front. The octets must be there.
  fileprivate func hostUInt32(at offset: Int) -> UInt32 {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
  }

  fileprivate func hostUInt16(at offset: Int) -> UInt16 {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
  }
}
