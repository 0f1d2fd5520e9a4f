import CNghttp2

@testable import HTTP2

/// nghttp2's server by itself, with its own rules of what a request is: what `RequestRules` has to agree with.
final class RulesOfNghttp2 {
  private var session: OpaquePointer!
  fileprivate(set) var accepted: Set<Int32> = []
  fileprivate(set) var resets: [Int32: UInt32] = [:]

  init() {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    defer { nghttp2_session_callbacks_del(callbacks) }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      let header = frame!.pointee.hd
      if UInt32(header.type) == NGHTTP2_HEADERS.rawValue, frame!.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        RulesOfNghttp2.owner(user).accepted.insert(header.stream_id)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      if UInt32(frame!.pointee.hd.type) == NGHTTP2_RST_STREAM.rawValue {
        RulesOfNghttp2.owner(user).resets[frame!.pointee.hd.stream_id] = frame!.pointee.rst_stream.error_code
      }
      return 0
    }
    nghttp2_session_server_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque())
    nghttp2_submit_settings(session, 0, nil, 0)
  }

  deinit { nghttp2_session_del(session) }

  /// - Returns: Whether the connection goes on.
  func receive(_ octets: [UInt8]) -> Bool {
    guard nghttp2_session_mem_recv(session, octets, octets.count) == octets.count else { return false }
    var start: UnsafePointer<UInt8>?
    while nghttp2_session_mem_send(session, &start) > 0 {}
    return true
  }

  private static func owner(_ user: UnsafeMutableRawPointer?) -> RulesOfNghttp2 {
    Unmanaged<RulesOfNghttp2>.fromOpaque(user!).takeUnretainedValue()
  }
}

/// Header blocks of any fields, good or bad, by a table as clients have it.
final class BlockEncoder {
  private var deflater: OpaquePointer!

  init() { nghttp2_hd_deflate_new(&deflater, 4096) }

  deinit { nghttp2_hd_deflate_del(deflater) }

  func encode(_ fields: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
    let octets = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: fields.reduce(1) { $0 + $1.name.count + $1.value.count })
    defer { octets.deallocate() }
    var end = 0
    func keep(_ text: [UInt8]) -> UnsafeMutablePointer<UInt8> {
      let start = octets.baseAddress! + end
      start.initialize(from: text, count: text.count)
      end += text.count
      return start
    }
    let entries = fields.map { field in
      nghttp2_nv(
        name: keep(field.name), value: keep(field.value), namelen: field.name.count, valuelen: field.value.count,
        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }
    var block = [UInt8](repeating: 0, count: nghttp2_hd_deflate_bound(deflater, entries, entries.count))
    let count = nghttp2_hd_deflate_hd(deflater, &block, block.count, entries, entries.count)
    return Array(block.prefix(max(0, count)))
  }
}
