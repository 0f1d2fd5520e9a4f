/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012, and the 128-bit variant of the
/// reference code). The 16 bytes of the reference are returned as a little-endian number.
func sipHash128(_ message: [UInt8], key: (UInt64, UInt64)) -> UInt128 {
  var state = SipState(key: key)
  state.v1 ^= 0xee
  state.absorb(message)
  state.v2 ^= 0xee
  for _ in 0..<4 { state.round() }
  let low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  state.v1 ^= 0xdd
  for _ in 0..<4 { state.round() }
  let high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  return UInt128(high) << 64 | UInt128(low)
}

/// SipHash-2-4 with 64 bits of output.
func sipHash64(_ message: [UInt8], key: (UInt64, UInt64)) -> UInt64 {
  var state = SipState(key: key)
  state.absorb(message)
  state.v2 ^= 0xff
  for _ in 0..<4 { state.round() }
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
}

private struct SipState {
  var v0, v1, v2, v3: UInt64

  init(key: (UInt64, UInt64)) {
    v0 = key.0 ^ 0x736f_6d65_7073_6575
    v1 = key.1 ^ 0x646f_7261_6e64_6f6d
    v2 = key.0 ^ 0x6c79_6765_6e65_7261
    v3 = key.1 ^ 0x7465_6462_7974_6573
  }

  mutating func absorb(_ message: [UInt8]) {
    var word: UInt64 = 0
    for (position, byte) in message.enumerated() {
      word |= UInt64(byte) << UInt64(8 * (position & 7))
      if position & 7 == 7 {
        mix(word)
        word = 0
      }
    }
    mix(word | UInt64(truncatingIfNeeded: message.count) << 56)
  }

  private mutating func mix(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  mutating func round() {
    v0 &+= v1
    v1 = rotate(v1, 13) ^ v0
    v0 = rotate(v0, 32)
    v2 &+= v3
    v3 = rotate(v3, 16) ^ v2
    v0 &+= v3
    v3 = rotate(v3, 21) ^ v0
    v2 &+= v1
    v1 = rotate(v1, 17) ^ v2
    v2 = rotate(v2, 32)
  }

  private func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
}
