internal import CLinux
internal import Glibc
package import Provisioning

/// A raw socket on one interface that sees the DHCP and TFTP requests that come in *and* go out: UDP to the ports 67, 68
/// and 69, selected by the kernel.
///
/// It opens no UDP port, so it stands beside the daemons without taking anything from them.
package final class PacketSocket: Sendable {
  package let interface: String
  /// The interface's own hardware address.
  package let hardwareAddress: MACAddress
  private let interfaceIndex: UInt32
  private let descriptor: FileDescriptor

  /// The longest frame received whole; more than any DHCP message (RFC 2131 asks for 576) or read request.
  private static let frameBytesMax = 2048

  /// - Throws: `SystemError`; `ENODEV` when there is no such interface, `EPERM` without CAP_NET_RAW, `EPROTONOSUPPORT` for
  ///   an interface that is no Ethernet.
  package init(interface: String, in namespace: NetworkNamespace) throws(SystemError) {
    let opened = try namespace.run { () throws(SystemError) -> Opened in
      let control = FileDescriptor(
        owning: try check(socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0), "socket"))
      var index: UInt32 = 0
      var octets = [UInt8](repeating: 0, count: 6)
      _ = try muster_interface_lookup(control.number, interface, &index, &octets).orThrow("look up \(interface)")
      let number = try muster_packet_open(index).orThrow("packet socket on \(interface)")
      return Opened(descriptor: FileDescriptor(owning: number), index: index, octets: octets)
    }
    self.interface = interface
    do { hardwareAddress = try MACAddress(octets: opened.octets[...]) } catch {
      throw SystemError("hardware address of \(interface)", code: EPROTONOSUPPORT)
    }
    interfaceIndex = opened.index
    descriptor = opened.descriptor
  }

  private struct Opened: Sendable {
    var descriptor: FileDescriptor
    var index: UInt32
    var octets: [UInt8]
  }

  /// Suspends until a frame waits or the deadline passed; false means the deadline.
  func waitForFrame(until deadline: ContinuousClock.Instant? = nil) async throws -> Bool {
    try await descriptor.ready(for: .readable, until: deadline)
  }

  /// The next frame that waits, if any.
  ///
  /// - Throws: `SystemError`; `ENETDOWN` once when the interface went down.
  func receive() throws(SystemError) -> CapturedFrame? {
    var buffer = [UInt8](repeating: 0, count: Self.frameBytesMax)
    var isOutgoing: Int32 = 0
    let count = muster_packet_receive(descriptor.number, &buffer, buffer.count, &isOutgoing)
    if count == -Int(EAGAIN) || count == -Int(EINTR) { return nil }
    guard count >= 0 else { throw SystemError("receive on \(interface)", code: Int32(-count)) }
    buffer.removeLast(buffer.count - count)
    return CapturedFrame(bytes: buffer, isOutgoing: isOutgoing != 0)
  }

  func send(_ frame: [UInt8]) throws(SystemError) {
    let count = muster_packet_send(descriptor.number, interfaceIndex, frame, frame.count)
    guard count >= 0 else { throw SystemError("send on \(interface)", code: Int32(-count)) }
  }
}

/// An Ethernet frame as the kernel handed it over.
struct CapturedFrame: Sendable {
  var bytes: [UInt8]
  /// Sent by this host, by whatever process.
  var isOutgoing: Bool
}

/// The value of a call that answers -1 and sets `errno`.
func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemError) -> Int32 {
  guard result >= 0 else { throw .last(operation()) }
  return result
}

extension MACAddress {
  /// Reads six octets in transmission order.
  init(octets: ArraySlice<UInt8>) throws(MACAddressError) {
    guard octets.count == 6 else { throw .malformed }
    try self.init(bits: octets.reduce(0) { $0 << 8 | UInt64($1) })
  }
}
