internal import HTTP2
internal import NIOCore

/// Collects a session's frames and writes them together: one write per read is what makes small calls cheap.
struct FrameOutput {
  /// Octets of one write. More waits in the session, where it is bounded, until the socket took this.
  static let writeBytesMax = 256 << 10
  private static let firstBytes = 1024

  /// Writes what the session has, as long as the socket takes it.
  ///
  /// - Parameter next: The session's next frame; valid until it is called again.
  /// - Throws: What `next` throws; what came before it is written.
  @inline(__always)
  static func write(
    to context: ChannelHandlerContext, next: () throws(HTTP2Error) -> UnsafeRawBufferPointer?
  ) throws(HTTP2Error) {
    while context.channel.isWritable {
      guard let first = try next() else { return }
      var waiting: UnsafeRawBufferPointer? = first
      var failure: HTTP2Error?
      var buffer = context.channel.allocator.buffer(capacity: max(first.count, firstBytes))
      var written = 0
      while let frame = waiting {
        // As many frames as fit: asking the buffer for room costs more than copying a small frame. The room doubles.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: max(frame.count, written)) { room in
          let before = written
          while let frame = waiting, written - before + frame.count <= room.count {
            UnsafeMutableRawBufferPointer(rebasing: room[(written - before)...]).copyMemory(from: frame)
            written += frame.count
            waiting = nil
            guard written < writeBytesMax else { break }
            do throws(HTTP2Error) { waiting = try next() } catch { failure = error }
          }
          return written - before
        }
      }
      context.writeAndFlush(NIOAny(buffer), promise: nil)
      if let failure { throw failure }
      if written < writeBytesMax { return }
    }
  }
}
