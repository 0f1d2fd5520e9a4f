internal import ArgumentParser

/// The two formats of a file with nodes or subnets.
enum ImportFormat: String, ExpressibleByArgument, CaseIterable {
  case csv, jsonl
}

enum ImportFile {
  /// What is asked for, else what the file begins with, else what its name says: no header of a table begins with `{`,
  /// and `node export > nodes.csv` is read for what it is.
  static func format(named asked: ImportFormat?, file: String, _ bytes: [UInt8]) -> ImportFormat {
    if let asked { return asked }
    if bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") { return .jsonl }
    return [".jsonl", ".json", ".ndjson"].contains { file.hasSuffix($0) } ? .jsonl : .csv
  }
}
