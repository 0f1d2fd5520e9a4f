internal import RPC
internal import Wire

/// The answer to a write, in the format asked for.
struct WriteOutput {
  var region: RegionConnection
  var isDryRun = false

  func write(_ response: MusterV1.WriteSubnetResponse, verb: String? = nil) {
    write(
      key: "subnet", name: response.subnet?.name ?? "", object: response.subnet?.json ?? .null,
      outcome: response.outcome, verb: verb, details: [], generations: response.generations)
  }

  func write(_ response: MusterV1.WriteNodeResponse, verb: String? = nil, trailing: String = "") {
    var details: [String] = []
    if response.outcome == .added || verb == "accepted", let address = response.node?.bootInterface?.address, !address.isEmpty {
      details.append(address)
    }
    write(
      key: "node", name: response.node?.name ?? "", object: response.node?.json ?? .null,
      outcome: response.outcome, verb: verb, details: details, generations: response.generations, trailing: trailing)
  }

  func write(_ response: MusterV1.WriteBootProfileResponse) {
    write(
      key: "boot_profile", noun: "boot", name: response.bootProfile?.name ?? "",
      object: response.bootProfile?.json ?? .null, outcome: response.outcome, verb: nil, details: [], generations: [])
  }

  private func write(
    key: String, noun: String? = nil, name: String, object: JSONValue, outcome: MusterV1.WriteOutcome, verb: String?,
    details: [String], generations: [MusterV1.SubnetGeneration], trailing: String = ""
  ) {
    let surroundings = region.surroundings
    switch region.format {
    case .json:
      surroundings.output(
        JSONValue.object([
          .init(key: key, value: object), .init(key: "changed", value: .bool(outcome != .unchanged)),
          .init(key: "generations", value: .array(generations.map(\.json))),
        ]).text)
    case .name: surroundings.output("\(noun ?? key)/\(name)")
    case .table:
      let word = outcome == .unchanged ? "unchanged" : verb ?? outcome.word
      var parts = ["\(noun ?? key)/\(name) \(isDryRun && outcome != .unchanged ? "would be " : "")\(word)"] + details
      if !isDryRun { parts += Self.words(generations) }
      surroundings.output(parts.joined(separator: ", ") + trailing)
    }
  }

  /// `generation 3`, or with several subnets `hall1 generation 3`.
  static func words(_ generations: [MusterV1.SubnetGeneration]) -> [String] {
    generations.count == 1
      ? ["generation \(generations[0].generation)"]
      : generations.map { "\($0.subnet) generation \($0.generation)" }
  }
}

extension MusterV1.Node {
  /// The interface the machine boots from: the marked one, else the first.
  var bootInterface: MusterV1.NetworkInterface? { interfaces.first(where: \.boot) ?? interfaces.first }
}

/// One object as `field  value` lines, nested fields indented by their path.
struct Details {
  private var table: [(String, String)] = []

  init(_ value: JSONValue) { collect(value, path: "") }

  var text: String {
    let width = table.map(\.0.count).max() ?? 0
    return table.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 + "\n" }.joined()
  }

  private mutating func collect(_ value: JSONValue, path: String) {
    switch value {
    case .object(let members):
      for member in members { collect(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)") }
    case .array(let values):
      let plain = values.compactMap(Self.plain)
      if plain.count == values.count {
        table.append((path, plain.isEmpty ? "-" : plain.joined(separator: " ")))
      } else {
        for (index, value) in values.enumerated() { collect(value, path: "\(path)[\(index)]") }
      }
    default: table.append((path, Self.plain(value) ?? "-"))
    }
  }

  private static func plain(_ value: JSONValue) -> String? {
    switch value {
    case .null: "-"
    case .bool(let flag): flag ? "yes" : "no"
    case .integer(let number): String(number)
    case .unsigned(let number): String(number)
    case .number(let number): String(number)
    case .string(let text): text.isEmpty ? "-" : text
    case .array, .object: nil
    }
  }
}
