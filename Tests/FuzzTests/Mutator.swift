/// Changes kept inputs as a fuzzer does, without one's sight: it does not see which code an input reaches. The same seed
/// makes the same inputs.
struct Mutator {
  /// Octets of an input, as scripts/fuzz has it.
  static let inputBytesMax = 4096
  /// Changes of one input; each more is half as likely, because most that many changes made is nonsense from the first octet on.
  private static let changesMax = 8
  /// Octets that one change inserts, copies or removes.
  private static let pieceBytesMax = 64
  /// Lengths, signs and ends of ranges.
  private static let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff]

  private let corpus: [[UInt8]]
  private let headBytes: ([UInt8]) -> Int
  private var random: Random

  /// - Parameters:
  ///   - corpus: At least one input.
  ///   - headBytes: Octets at an input's start that say how to read the rest, and stay.
  init(corpus: [[UInt8]], seed: UInt64, headBytes: @escaping ([UInt8]) -> Int = { _ in 0 }) {
    precondition(!corpus.isEmpty, "nothing to change")
    self.corpus = corpus
    self.headBytes = headBytes
    random = Random(state: seed)
  }

  mutating func next() -> [UInt8] {
    let input = corpus.randomElement(using: &random)!
    let headBytes = headBytes(input)
    var rest = Array(input[headBytes...])
    let changes = min(1 + random.next().trailingZeroBitCount, Self.changesMax)
    for _ in 0..<changes { change(&rest) }
    return Array((input[..<headBytes] + rest).prefix(Self.inputBytesMax))
  }

  private mutating func change(_ input: inout [UInt8]) {
    guard !input.isEmpty else {
      input = [random.octet()]
      return
    }
    switch Change.allCases.randomElement(using: &random)! {
    case .flipBit: input[place(in: input)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case .setOctet: input[place(in: input)] = random.octet()
    case .setEdge: input[place(in: input)] = Self.edges.randomElement(using: &random)!
    case .count: input[place(in: input)] &+= Bool.random(using: &random) ? 1 : 0xff
    case .insert:
      let count = Int.random(in: 1...4, using: &random)
      let octets = (0..<count).map { _ in random.octet() }
      input.insert(contentsOf: octets, at: place(in: input))
    case .repeat: input.insert(contentsOf: piece(of: input), at: place(in: input))
    case .remove:
      let start = place(in: input)
      input.removeSubrange(start..<min(start + Int.random(in: 1...Self.pieceBytesMax, using: &random), input.count))
    case .overwrite:
      let start = place(in: input)
      let piece = piece(of: input)
      input.replaceSubrange(start..<min(start + piece.count, input.count), with: piece)
    case .cross:
      let whole = corpus.randomElement(using: &random)!
      let other = Array(whole[headBytes(whole)...])
      guard !other.isEmpty else { return }
      input = Array(input[..<place(in: input)] + other[place(in: other)...])
    case .cut: input.removeSubrange(place(in: input)...)
    }
  }

  private enum Change: CaseIterable {
    case flipBit, setOctet, setEdge, count, insert, `repeat`, remove, overwrite, cross, cut
  }

  private mutating func place(in input: [UInt8]) -> Int { Int.random(in: input.indices, using: &random) }

  private mutating func piece(of input: [UInt8]) -> ArraySlice<UInt8> {
    let start = place(in: input)
    return input[start..<min(start + Int.random(in: 1...Self.pieceBytesMax, using: &random), input.count)]
  }
}

/// SplitMix64.
private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func octet() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}
