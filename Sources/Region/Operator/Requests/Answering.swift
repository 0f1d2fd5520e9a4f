internal import Provisioning
internal import RPC
internal import Store
internal import Wire

/// A service of the operator's side: what its methods throw is told in full, with the name that was probably meant
/// and the age of the change that came first.
protocol OperatorHandler: Sendable {
  var context: RegionContext { get }
}

extension NodeServiceHandler: OperatorHandler {}
extension SubnetServiceHandler: OperatorHandler {}
extension BootProfileServiceHandler: OperatorHandler {}
extension EventServiceHandler: OperatorHandler {}

extension OperatorHandler {
  /// Runs a method.
  ///
  /// - Throws: `RPCError`, or whatever is no operator's business.
  func answering<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let refusal as Refusal {
      throw try await suggesting(refusal)
    } catch let invalid as InvalidFields {
      throw InvalidFields(try await suggesting(invalid.problems)).rpcError
    } catch let refused as BatchRefused {
      var better = refused
      for (index, refusal) in refused.refusals {
        if case .invalid(let problems) = refusal { better.refusals[index] = .invalid(try await suggesting(problems)) }
      }
      throw better.rpcError
    }
  }

  private func suggesting(_ refusal: Refusal) async throws -> RPCError {
    switch refusal {
    case .invalid(let problems):
      return InvalidFields(try await suggesting(problems)).rpcError
    case .stale(let what, let read, let now, let by, let at):
      var error = refusal.rpcError
      let ago = context.clocks.now().age(since: at)
      error.message =
        "\(what) changed since you read it (revision \(read), now \(now), by \(by) \(ago) ago). "
        + "Read it again: '\(Self.showCommand(what))'."
      return error
    case .unknownNode(let name):
      return refusal.rpcError.suggesting(try await near(name, among: .nodes))
    case .unknownSubnet(let name):
      return refusal.rpcError.suggesting(try await near(name, among: .subnets))
    case .unknownProfile(let name):
      return refusal.rpcError.suggesting(try await near(name, among: .profiles))
    case .unknownAgent(let name):
      return refusal.rpcError.suggesting(try await near(name, among: .agents))
    default:
      return refusal.rpcError
    }
  }

  /// Puts the name probably meant into problems that name what does not exist.
  private func suggesting(_ problems: [FieldProblem]) async throws -> [FieldProblem] {
    var known: [String: String?] = [:]
    var better = problems
    for index in problems.indices {
      let kind: NameKind
      switch problems[index].code {
      case .subnetUnknown: kind = .subnets
      case .profileUnknown: kind = .profiles
      default: continue
      }
      let key = "\(kind)/\(problems[index].value)"
      if known[key] == nil, known.count < Self.suggestionsMax {
        known[key] = .some(try await near(problems[index].value, among: kind))
      }
      if let name = known[key] ?? nil { better[index].fix = "perhaps you mean '\(name)'" }
    }
    return better
  }

  /// Different names looked up for one answer.
  private static var suggestionsMax: Int { 16 }

  private func near(_ name: String, among kind: NameKind) async throws -> String? {
    try await context.store.read { try kind.candidates(for: name, in: $0) }
      .flatMap { NearName.suggestion(for: name, among: $0) }
  }

  /// `muster node show r1n42` of `node r1n42`.
  private static func showCommand(_ what: String) -> String {
    let words = what.hasPrefix(ProfileKind.noun) ? "boot" + what.dropFirst(ProfileKind.noun.count) : what
    guard let space = words.firstIndex(of: " ") else { return "muster \(words) show" }
    return "muster \(words[..<space]) show\(words[space...])"
  }
}

/// Where a name is looked for that does not exist.
enum NameKind: Sendable {
  case nodes, subnets, profiles, agents

  /// Names that may be meant; nil when there are none.
  func candidates(for name: String, in snapshot: borrowing Snapshot) throws -> [String]? {
    switch self {
    case .subnets: return try snapshot.subnets(limit: NearName.candidatesMax).items.map(\.subnet.name.text)
    case .profiles: return try snapshot.profiles().map(\.name.text)
    case .agents: return try snapshot.agents(limit: NearName.candidatesMax).items.map(\.name.text)
    case .nodes:
      // A million names are too many to compare: those that begin alike are looked at, and slips at the end are
      // the usual ones.
      guard let shortened = Self.beginning(of: name) else { return nil }
      return try snapshot.nodes(after: shortened, limit: Self.nodesMax).items.map(\.name.text)
    }
  }

  private static let nodesMax = 1_000

  private static func beginning(of name: String) -> [UInt8]? {
    let letters = name.prefix { !$0.isNumber }
    guard !name.isEmpty, name.utf8.count <= NearName.lengthMax else { return nil }
    // A natural key ends with a zero octet and the text; without them it stands before all that begin alike.
    let key = naturalKey(String(letters))
    return Array(key.prefix(max(0, letters.utf8.count - 1)))
  }
}

extension RPCError {
  fileprivate func suggesting(_ name: String?) -> RPCError {
    guard let name else { return self }
    var error = self
    error.message += " Perhaps you mean \(name)."
    return error
  }
}
