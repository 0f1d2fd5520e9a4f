import Foundation
import Testing

/// Every input that was ever of interest, in the ordinary build: seeds, what reached new code, and what once crashed.
///
/// A crash here takes the test process with it; the last file named on standard error is the culprit. New inputs come from
/// `scripts/fuzz`.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases) func theKeptCorpusIsSurvived(_ target: FuzzTarget) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: target.rawValue).path).sorted()
    #expect(!files.isEmpty)
    for file in files {
      let octets = [UInt8](try Data(contentsOf: Self.folder.appending(path: "\(target.rawValue)/\(file)")))
      octets.withUnsafeBytes { target.run($0) }
    }
  }

  @Test(arguments: FuzzTarget.allCases) func noOctetsAtAllAreSurvived(_ target: FuzzTarget) {
    target.run(UnsafeRawBufferPointer(start: nil, count: 0))
    for octet in UInt8.min ... .max { withUnsafeBytes(of: octet) { target.run($0) } }
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
}
