internal import Provisioning
internal import Yams

/// A configuration file read into plain values that remember their lines.
package struct SettingsFile: Sendable {
  /// What the file says of one key: its words, one or several, and the line they begin on, counted from 1.
  package struct Entry: Sendable, Hashable {
    package var words: [String]
    package var line: Int
  }

  /// The file's name as problems quote it.
  package let name: String
  package private(set) var entries: [SettingKey: Entry] = [:]
  package private(set) var problems: [SettingsProblem] = []

  /// A configuration is a page of text; more than this is a wrong file. Octets.
  package static let sizeBytesMax = 1 << 20
  /// Deeper nesting than any key has.
  private static let depthMax = 4

  /// Reads YAML. Unknown keys, wrong shapes and broken syntax become `problems`; what is right is still read, so that
  /// one run names everything that is wrong.
  package init(name: String, text: String, keys: [SettingKey]) {
    self.name = name
    guard text.utf8.count <= Self.sizeBytesMax else {
      problems.append(SettingsProblem(source: name, key: "", message: "larger than 1 MiB; is this a configuration file?"))
      return
    }
    do {
      guard let root = try Yams.compose(yaml: text) else { return }
      let known = Dictionary(uniqueKeysWithValues: keys.map { ($0.path, $0) })
      read(root, under: "", depth: 0, known: known)
    } catch let error as YamlError {
      problems.append(Self.problem(of: error, in: name))
    } catch {
      problems.append(SettingsProblem(source: name, key: "", message: "not valid YAML: \(error)"))
    }
  }

  private mutating func read(_ node: Yams.Node, under prefix: String, depth: Int, known: [String: SettingKey]) {
    guard case .mapping(let mapping) = node, depth < Self.depthMax else {
      if depth == 0, case .scalar(let scalar) = node, scalar.string.isEmpty { return }
      report(node, key: prefix, "must hold keys, not a single value or a list")
      return
    }
    var seen: Set<String> = []
    for (keyNode, value) in mapping {
      guard case .scalar(let scalar) = keyNode else {
        report(keyNode, key: prefix, "a key must be a word")
        continue
      }
      let path = prefix.isEmpty ? scalar.string : "\(prefix).\(scalar.string)"
      guard seen.insert(path).inserted else {
        report(keyNode, key: path, "given twice. Remove one of them")
        continue
      }
      if let key = known[path] {
        readValue(value, of: key, at: keyNode)
      } else if known.keys.contains(where: { $0.hasPrefix(path + ".") }) {
        read(value, under: path, depth: depth + 1, known: known)
      } else {
        reportUnknown(keyNode, path: path, known: known)
      }
    }
  }

  private mutating func readValue(_ node: Yams.Node, of key: SettingKey, at keyNode: Yams.Node) {
    let line = node.mark?.line ?? keyNode.mark?.line ?? 0
    switch node {
    case .scalar where key.kind == .interfaces:
      report(node, key: key.path, "must hold one fabric for each interface, as in {eno2: default}")
    case .scalar(let scalar):
      entries[key] = Entry(words: scalar.string.isEmpty || scalar.string == "~" ? [] : [scalar.string], line: line)
    case .sequence(let sequence) where key.kind == .addresses:
      var words: [String] = []
      for element in sequence {
        guard case .scalar(let scalar) = element else {
          report(element, key: key.path, "must be a list of addresses")
          return
        }
        words.append(scalar.string)
      }
      entries[key] = Entry(words: words, line: line)
    case .sequence:
      report(node, key: key.path, "takes one value, not a list")
    case .mapping(let mapping) where key.kind == .interfaces:
      var words: [String] = []
      for (name, fabric) in mapping {
        guard case .scalar(let name) = name, case .scalar(let fabric) = fabric else {
          report(keyNode, key: key.path, "must hold one fabric for each interface, as in {eno2: default}")
          return
        }
        words.append("\(name.string)=\(fabric.string)")
      }
      entries[key] = Entry(words: words, line: line)
    case .mapping:
      report(node, key: key.path, "takes a value, not keys")
    case .alias:
      report(node, key: key.path, "YAML aliases are not supported; write the value out")
    }
  }

  private mutating func reportUnknown(_ node: Yams.Node, path: String, known: [String: SettingKey]) {
    let sections = known.keys.compactMap { $0.contains(".") ? String($0.prefix { $0 != "." }) : nil }
    let candidates = Set(known.keys).union(sections).sorted()
    let last = path.split(separator: ".").last.map(String.init) ?? path
    let suggestion =
      NearName.suggestion(for: path, among: candidates)
      ?? candidates.first { $0.hasSuffix(".\(last)") }
    let hint = suggestion.map { " Did you mean '\($0)'?" } ?? " Known are: \(Self.names(of: known).joined(separator: ", "))."
    report(node, key: path, "unknown key.\(hint)")
  }

  /// Every key, but of a section with many only its name: --check-config lists them.
  private static func names(of known: [String: SettingKey]) -> [String] {
    let sections = Dictionary(grouping: known.keys) { $0.prefix { $0 != "." } }
    return sections.flatMap { section, keys in keys.count > keysListedMax ? ["\(section).…"] : keys }.sorted()
  }

  private static let keysListedMax = 10

  private mutating func report(_ node: Yams.Node, key: String, _ message: String) {
    let source = node.mark.map { "\(name):\($0.line)" } ?? name
    problems.append(SettingsProblem(source: source, key: key, message: message))
  }

  private static func problem(of error: YamlError, in name: String) -> SettingsProblem {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      SettingsProblem(source: "\(name):\(mark.line)", key: "", message: "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      SettingsProblem(
        source: "\(name):\(context.mark.line)", key: duplicates.sorted().first ?? "", message: "given twice. Remove one of them")
    default:
      SettingsProblem(source: name, key: "", message: "not valid YAML: \(error)")
    }
  }
}
