import Foundation

/// Notes an input before a target reads it. A target that breaks a promise ends the process; the file stays then, and is the
/// input to mend and to keep.
final class LastInput {
  private let url: URL
  private let file: FileHandle

  init(of name: String) throws {
    url = FileManager.default.temporaryDirectory.appending(path: "muster-fuzz-\(name)-\(ProcessInfo.processInfo.processIdentifier)")
    try Data().write(to: url)
    file = try FileHandle(forWritingTo: url)
  }

  func run(_ octets: [UInt8], on target: FuzzTarget) throws {
    try file.seek(toOffset: 0)
    try file.write(contentsOf: octets)
    try file.truncate(atOffset: UInt64(octets.count))
    octets.withUnsafeBytes { target.run($0) }
  }

  func wasSurvived() throws {
    try file.close()
    try FileManager.default.removeItem(at: url)
  }
}
