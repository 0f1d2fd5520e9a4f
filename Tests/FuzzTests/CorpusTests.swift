import Testing

/// Every input that was ever of interest, in the ordinary build. New ones come from `scripts/fuzz`.
///
/// A crash here takes the test process with it and leaves its input; see `LastInput`.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases) func theKeptCorpusIsSurvived(_ target: FuzzTarget) throws {
    let inputs = try KeptCorpus.inputs(of: target)
    #expect(!inputs.isEmpty)
    let last = try LastInput(of: "\(target.rawValue)-kept")
    for input in inputs { try last.run(input.octets, on: target) }
    try last.wasSurvived()
  }

  @Test(arguments: FuzzTarget.allCases) func noOctetsAtAllAreSurvived(_ target: FuzzTarget) {
    target.run(UnsafeRawBufferPointer(start: nil, count: 0))
    for octet in UInt8.min ... .max { withUnsafeBytes(of: octet) { target.run($0) } }
  }
}
