import Foundation

/// The inputs that are kept for a target: seeds, what reached new code, and what once crashed.
enum KeptCorpus {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  /// In the order of their names.
  static func inputs(of target: FuzzTarget) throws -> [(name: String, octets: [UInt8])] {
    let folder = folder.appending(path: target.rawValue)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
      (name, [UInt8](try Data(contentsOf: folder.appending(path: name))))
    }
  }
}
