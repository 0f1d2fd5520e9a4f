internal import CZlib

/// zlib in gzip framing, one whole message at a time.
enum Gzip {
  /// Below this many octets in, the ratio says nothing.
  static let ratioFromBytes = 4096

  /// Appends the compressed form of `source` to `target`.
  static func compress(_ source: UnsafeRawBufferPointer, into target: inout ByteQueue) {
    var stream = z_stream()
    precondition(
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBitsGzip, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK, "out of memory")
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(source.count)))
    let room = target.extend(by: bound)
    stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(source.count)
    stream.next_out = room.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(bound)
    precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflateBound is an upper bound")
    target.removeLast(Int(stream.avail_out))
  }

  /// Decompresses a whole message.
  ///
  /// - Parameters:
  ///   - sizeMax: The largest result, in octets. Memory is taken as the result grows, never up front.
  ///   - ratioMax: The largest result for one octet in.
  /// - Throws: `resourceExhausted` beyond `sizeMax` or `ratioMax`; `internalError` when the input is not gzip.
  static func decompress(_ source: UnsafeRawBufferPointer, sizeMax: Int, ratioMax: Int = MessageLimits.standard.decompressionRatioMax) throws(RPCError)
    -> ByteQueue
  {
    var stream = z_stream()
    precondition(
      inflateInit2_(&stream, windowBitsGzip, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK,
      "out of memory")
    defer { inflateEnd(&stream) }
    stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(source.count)
    let limit = min(sizeMax, max(source.count, ratioFromBytes) * ratioMax)

    var result = ByteQueue()
    while true {
      let room = result.extend(by: stepBytes)
      stream.next_out = room.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(stepBytes)
      let outcome = inflate(&stream, Z_NO_FLUSH)
      result.removeLast(Int(stream.avail_out))
      if result.count > limit {
        throw RPCError(.resourceExhausted, "a compressed message expands beyond \(limit) bytes")
      }
      switch outcome {
      case Z_STREAM_END where stream.avail_in == 0: return result
      case Z_OK where stream.avail_out == 0 || stream.avail_in > 0: continue
      default: throw RPCError(.internalError, "a compressed message is not valid gzip")
      }
    }
  }

  /// 15 bits of window, plus 16 for the gzip wrapper.
  private static let windowBitsGzip: Int32 = 15 + 16
  private static let stepBytes = 16 << 10
}
