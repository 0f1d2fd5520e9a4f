internal import HTTP2
internal import NIOCore

/// Collects a session's frames and writes them together: one write per read is what makes small calls cheap.
struct FrameOutput {
  /// Octets of one write. More waits in the session, where it is bounded, until the socket took this.
  private static let writeBytesMax = 256 << 10

  /// Writes what the session has, as long as the socket takes it.
  ///
  /// - Parameter next: The session's next frame; valid until it is called again.
  /// - Throws: What `next` throws; what came before it is written.
  static func write(
    to context: ChannelHandlerContext, next: () throws(HTTP2Error) -> UnsafeRawBufferPointer?
  ) throws(HTTP2Error) {
    while context.channel.isWritable {
      var buffer: ByteBuffer?
      var failure: HTTP2Error?
      do throws(HTTP2Error) {
        while (buffer?.readableBytes ?? 0) < writeBytesMax, let frame = try next() {
          if buffer == nil { buffer = context.channel.allocator.buffer(capacity: max(frame.count, firstBytes)) }
          buffer!.writeBytes(frame)
        }
      } catch {
        failure = error
      }
      guard let buffer else {
        if let failure { throw failure }
        return
      }
      let isFull = buffer.readableBytes >= writeBytesMax
      context.writeAndFlush(NIOAny(buffer), promise: nil)
      if let failure { throw failure }
      if !isFull { return }
    }
  }

  private static let firstBytes = 1024
}
