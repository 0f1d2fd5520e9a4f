/// Checks that what we send is whole HTTP/2 frames no larger than a peer must take (RFC 9113 §4.2).
struct FrameCheck {
  private var head: [UInt8] = []
  private var payloadLeft = 0
  /// Octets of the client preface that are still to come.
  private var prefaceLeft: Int

  init(isClient: Bool) {
    prefaceLeft = isClient ? 24 : 0
  }

  mutating func take(_ octets: UnsafeRawBufferPointer) {
    var rest = octets[...]
    while !rest.isEmpty {
      if prefaceLeft > 0 {
        let skipped = min(prefaceLeft, rest.count)
        prefaceLeft -= skipped
        rest = rest.dropFirst(skipped)
      } else if payloadLeft > 0 {
        let skipped = min(payloadLeft, rest.count)
        payloadLeft -= skipped
        rest = rest.dropFirst(skipped)
      } else {
        head.append(rest.removeFirst())
        guard head.count == FrameCheck.headBytes else { continue }
        payloadLeft = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        precondition(payloadLeft <= FrameCheck.payloadBytesMax, "a frame is larger than peers must take")
        precondition(head[3] <= FrameCheck.typeMax, "a frame has a type that we do not send")
        head.removeAll(keepingCapacity: true)
      }
    }
  }

  /// Nothing more is sent.
  func end() {
    precondition(head.isEmpty && payloadLeft == 0, "what we sent ends within a frame")
  }

  private static let headBytes = 9
  private static let payloadBytesMax = 16_384
  /// CONTINUATION.
  private static let typeMax: UInt8 = 9
}
