internal import RPC
import Testing

/// A short fuzz run in the ordinary build: kept inputs, changed at random, a fixed number of them.
///
/// It finds what lies near the kept inputs; `scripts/fuzz`, which sees the code that an input reaches, finds the rest.
@Suite struct MutationTests {
  /// Inputs of one run: about a second each, optimised.
  private static let inputs: [FuzzTarget: Int] = [
    .server: 8000, .client: 3000, .framing: 8000, .fields: 20_000, .message: 40_000, .configuration: 500,
  ]
  private static let seed: UInt64 = 0x6d75_7374_6572

  /// Without the name of its type an input of `message` is nothing.
  private static func mutator(of target: FuzzTarget, seed: UInt64 = seed) throws -> Mutator {
    let corpus = try KeptCorpus.inputs(of: target).map(\.octets)
    guard target == .message else { return Mutator(corpus: corpus, seed: seed) }
    return Mutator(corpus: corpus, seed: seed) { input in input.firstIndex(of: 0).map { $0 + 1 } ?? 0 }
  }

  @Test(arguments: FuzzTarget.allCases) func changedInputsAreSurvived(_ target: FuzzTarget) throws {
    var mutator = try Self.mutator(of: target)
    let last = try LastInput(of: target.rawValue)
    for _ in 0..<Self.inputs[target]! { try last.run(mutator.next(), on: target) }
    try last.wasSurvived()
  }

  @Test func theSameSeedMakesTheSameInputs() throws {
    var one = try Self.mutator(of: .server, seed: 1)
    var same = try Self.mutator(of: .server, seed: 1)
    var other = try Self.mutator(of: .server, seed: 2)
    let inputs = (0..<500).map { _ in one.next() }
    #expect(inputs == (0..<500).map { _ in same.next() })
    #expect(Set(inputs).intersection((0..<500).map { _ in other.next() }).count < 50)
    #expect(Set(inputs).subtracting(try KeptCorpus.inputs(of: .server).map(\.octets)).count > 450)
    #expect(inputs.allSatisfy { $0.count <= Mutator.inputBytesMax })
  }

  /// A change that nobody reads past its first octets proves nothing.
  @Test func manyChangedMessagesAreStillMessages() throws {
    var mutator = try Self.mutator(of: .message)
    var taken = 0
    var refused = 0
    for _ in 0..<2000 {
      let input = mutator.next()
      guard let end = input.firstIndex(of: 0), let type = MessageTarget.types[String(decoding: input[..<end], as: UTF8.self)]
      else { continue }
      do {
        _ = try type.init(serializedBytes: Array(input[(end + 1)...]))
        taken += 1
      } catch {
        refused += 1
      }
    }
    #expect(taken > 200 && refused > 200, "\(taken) taken, \(refused) refused")
  }
}
