internal import Foundation
internal import Yams

/// `~/.config/muster/config.yaml`: what an operator does not want to type every time.
/// Precedence: flag, then `MUSTER_…`, then this file, then the default.
package struct ClientConfiguration: Sendable, Hashable {
  package var region: String?
  package var tokenFile: String?
  package var ca: String?
  package var tls: Bool?

  private static let knownKeys = ["region", "token_file", "ca", "tls"]

  package init() {}

  /// - Throws: `CommandFailure` with status 2 that names the key and the file.
  package init(yaml text: String, path: String) throws {
    let document: Any?
    do {
      document = try Yams.load(yaml: text)
    } catch {
      throw CommandFailure(.usage, "\(path): not YAML: \(error)")
    }
    guard let document else { return }
    guard let mapping = document as? [String: Any] else {
      throw CommandFailure(.usage, "\(path): expected 'key: value' lines")
    }
    for key in mapping.keys.sorted() where !Self.knownKeys.contains(key) {
      throw CommandFailure(.usage, "\(path): unknown key '\(key)'\(Suggestion.clause(for: key, among: Self.knownKeys))")
    }
    func string(_ key: String) throws -> String? {
      guard let value = mapping[key] else { return nil }
      guard let text = value as? String else {
        throw CommandFailure(.usage, "\(path): \(key): expected text")
      }
      return text
    }
    region = try string("region")
    tokenFile = try string("token_file")
    ca = try string("ca")
    if let value = mapping["tls"] {
      guard let flag = value as? Bool else { throw CommandFailure(.usage, "\(path): tls: expected true or false") }
      tls = flag
    }
  }

  /// The file named by `MUSTER_CONFIG`, or the usual one if it exists.
  static func load(_ surroundings: Surroundings) throws -> ClientConfiguration {
    if let path = surroundings.variable("MUSTER_CONFIG") {
      return try ClientConfiguration(yaml: text(of: path, surroundings), path: path)
    }
    let base = surroundings.variable("XDG_CONFIG_HOME") ?? surroundings.variable("HOME").map { $0 + "/.config" }
    guard let base else { return ClientConfiguration() }
    let path = base + "/muster/config.yaml"
    guard FileManager.default.fileExists(atPath: path) else { return ClientConfiguration() }
    return try ClientConfiguration(yaml: text(of: path, surroundings), path: path)
  }

  private static func text(of path: String, _ surroundings: Surroundings) throws -> String {
    guard let text = String(validating: try surroundings.readFile(path), as: UTF8.self) else {
      throw CommandFailure(.usage, "\(path): not UTF-8")
    }
    return text
  }
}
