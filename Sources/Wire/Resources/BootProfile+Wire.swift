package import Provisioning
internal import RPC

extension BootProfileDraft {
  /// What a request says of a boot profile, in words; `parse()` says what is wrong with them.
  package init(_ profile: MusterV1.BootProfile) {
    self.init(
      name: profile.name, kind: profile.kind.word, kernel: profile.kernel, initrds: profile.initrds,
      arguments: profile.arguments)
  }
}

extension MusterV1.BootProfile {
  /// - Parameter files: Which agents have which of its files, if that was looked up.
  package init(_ profile: BootProfile, files: [MusterV1.BootFileStatus] = []) {
    self.init(BootProfileDraft(profile.spec))
    uid = profile.id.description
    revision = profile.revision.number
    self.files = files
  }

  /// What an operator decides about a boot profile, in the words of a request.
  package init(_ draft: BootProfileDraft) {
    self.init(
      name: draft.name, kind: MusterV1.BootProfileKind(word: draft.kind), kernel: draft.kernel,
      initrds: draft.initrds, arguments: draft.arguments)
  }
}

extension MusterV1.BootFileStatus {
  package init(_ file: BootFile, agent: AgentName) {
    self.init(
      agent: agent.text, path: file.path.text, sha256: (file.sha256 ?? []).lowercaseHex,
      sizeBytes: file.sizeBytes)
  }
}

extension MusterV1.BootProfileKind {
  /// The word of a draft: `local`, `kernel`, empty for none given, digits for a number we do not know.
  fileprivate var word: String { self == .unspecified ? "" : name.lowercased() }

  fileprivate init(word: String) {
    self = Self.known.first { $0.word == word } ?? .unspecified
  }
}

extension [UInt8] {
  /// Two digits an octet.
  var lowercaseHex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
