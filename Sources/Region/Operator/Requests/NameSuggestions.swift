internal import Provisioning
internal import Store

/// Finds the names that people probably meant, each looked up once.
struct NameSuggestions: Sendable {
  private let store: any RegionStore
  private var known: [Query: String?] = [:]

  /// Different names looked up for one request; what follows gets no suggestion.
  static let lookupsMax = 16

  private struct Query: Hashable {
    var kind: NameKind
    var name: String
  }

  init(store: any RegionStore) {
    self.store = store
  }

  /// The problems, with the name probably meant in those that name what does not exist.
  mutating func improving(_ problems: [FieldProblem]) async throws -> [FieldProblem] {
    var better = problems
    for index in problems.indices {
      let kind: NameKind
      switch problems[index].code {
      case .subnetUnknown: kind = .subnets
      case .profileUnknown: kind = .profiles
      case .agentUnknown: kind = .agents
      default: continue
      }
      guard let name = try await name(near: problems[index].value, among: kind) else { continue }
      better[index].fix = "perhaps you mean '\(name)'"
    }
    return better
  }

  mutating func name(near name: String, among kind: NameKind) async throws -> String? {
    let query = Query(kind: kind, name: name)
    if let answer = known[query] { return answer }
    guard known.count < Self.lookupsMax else { return nil }
    let candidates = try await store.read { try kind.candidates(for: name, in: $0) }
    let answer = NearName.suggestion(for: name, among: candidates)
    known[query] = .some(answer)
    return answer
  }
}

/// Where a name is looked for that does not exist.
enum NameKind: Sendable, Hashable {
  case nodes, subnets, profiles, agents

  /// Names that may be meant.
  func candidates(for name: String, in snapshot: borrowing Snapshot) throws -> [String] {
    switch self {
    case .subnets: try snapshot.subnets(limit: NearName.candidatesMax).items.map(\.subnet.name.text)
    case .profiles: try snapshot.profiles().map(\.name.text)
    case .agents: try snapshot.agents(limit: NearName.candidatesMax).items.map(\.name.text)
    case .nodes: try snapshot.nodes(after: Self.beginning(of: name), limit: Self.nodesMax).items.map(\.name.text)
    }
  }

  /// A million names are too many to compare: those that begin alike are looked at, since slips are made in the
  /// number at the end.
  private static let nodesMax = 1_000

  /// The key before all names that begin like `name` without its last number or, without one, its last two letters.
  private static func beginning(of name: String) -> [UInt8] {
    let text = name.prefix(NearName.lengthMax)
    let stem = text.last?.isNumber == true ? String(text.reversed().drop(while: \.isNumber).reversed()) : String(text.dropLast(2))
    // A natural key ends with a zero octet and the text itself; without them it stands before all that begin so.
    return naturalKey(stem).dropLast(1 + stem.utf8.count)
  }
}
