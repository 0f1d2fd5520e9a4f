internal import NIOCore
internal import NIOSSL
internal import RPC

extension Peer {
  init(context: ChannelHandlerContext) {
    self.init(channel: context.channel)
    tlsIdentity = TLSIdentity(context: context)
  }

  /// Without what TLS may tell.
  init(channel: any NIOCore.Channel) {
    let remote = channel.remoteAddress
    let host = remote?.ipAddress ?? ""
    let port = remote?.port ?? 0
    switch remote {
    case .v4: self.init(address: "\(host):\(port)", isLoopbackOrUnix: host.hasPrefix("127."))
    case .v6:
      self.init(address: "[\(host)]:\(port)", isLoopbackOrUnix: host == "::1" || host.hasPrefix("::ffff:127."))
    case .unixDomainSocket, nil:
      self.init(address: "unix:\(channel.localAddress?.pathname ?? "")", isLoopbackOrUnix: true)
    }
  }
}

extension TLSIdentity {
  /// The certificate that the handshake verified; nil without TLS or when the peer showed none.
  init?(context: ChannelHandlerContext) {
    do {
      let handler = try context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
      guard let certificate = handler.peerCertificate else { return nil }
      let names = certificate._subjectAlternativeNames().compactMap { name -> String? in
        guard name.nameType == .dnsName else { return nil }
        return String(decoding: name.contents, as: UTF8.self)
      }
      self.init(certificateDER: try certificate.toDERBytes(), dnsNames: names)
    } catch {
      return nil
    }
  }
}
