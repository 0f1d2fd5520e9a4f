internal import Crypto
package import Settings

/// Operators' tokens: who a bearer of a secret is and what role he has.
///
/// One line a token: `name role sha256`, where the hash is 64 hex digits of the secret. Empty lines and lines that
/// begin with `#` are skipped. The file holds no secret, and comparing hashes leaks nothing about one.
package struct TokensFile: Sendable {
  private let principals: [SecretHash: Principal]

  /// Tokens; a bound on what one file may hold.
  package static let tokensMax = 10_000

  /// - Throws: `SettingsProblems` with every line that is wrong; `name` is quoted in them.
  package init(name: String, text: String) throws(SettingsProblems) {
    var principals: [SecretHash: Principal] = [:]
    var names: Set<String> = []
    var problems: [SettingsProblem] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      func report(_ message: String) {
        problems.append(SettingsProblem(source: "\(name):\(index + 1)", key: "", message: message))
      }
      guard words.count == 3 else {
        report("must be 'name role sha256'")
        continue
      }
      guard let role = Role(rawValue: words[1]) else {
        report("'\(words[1])' is not a role. Roles are \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        continue
      }
      guard let hash = SecretHash(hex: words[2]) else {
        report("the third word must be the SHA-256 of the token in 64 hex digits, not the token itself")
        continue
      }
      guard names.insert(words[0]).inserted else {
        report("a second token named '\(words[0])'. Give each its own name")
        continue
      }
      guard principals.updateValue(.operators(name: words[0], role: role), forKey: hash) == nil else {
        report("the same token as on an earlier line")
        continue
      }
    }
    if principals.isEmpty, problems.isEmpty {
      problems.append(SettingsProblem(source: name, key: "", message: "holds no token: nobody could sign in"))
    }
    if principals.count > Self.tokensMax {
      problems.append(SettingsProblem(source: name, key: "", message: "more than \(Self.tokensMax) tokens"))
    }
    guard problems.isEmpty else { throw SettingsProblems(problems) }
    self.principals = principals
  }

  /// The bearer of `secret`, or nil.
  package func principal(bearing secret: String) -> Principal? {
    principals[SecretHash(of: secret)]
  }
}

/// The SHA-256 of a secret: what is stored in its place. Secrets are at least 128 random bits, so that neither salt
/// nor stretching is needed.
package struct SecretHash: Sendable, Hashable {
  package let octets: [UInt8]

  /// - Parameter secret: As the caller sent it.
  package init(of secret: String) {
    octets = Array(SHA256.hash(data: Array(secret.utf8)))
  }

  package init(octets: [UInt8]) {
    self.octets = octets
  }

  /// Nil unless `hex` is 64 hex digits.
  package init?(hex: String) {
    let digits = hex.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == 64 else { return nil }
    var octets: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      octets.append(UInt8(high << 4 | low))
    }
    self.octets = octets
  }
}
