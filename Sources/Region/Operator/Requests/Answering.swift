internal import Logging
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
    } catch let error as StoreError {
      // Callers learn no more than that it failed.
      context.logger.error("the store failed a request", metadata: ["error": "\(error)"])
      throw error
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
      let ago = context.clocks.now().age(since: at)
      return refusal.rpcError.saying(
        "\(what) changed since you read it (revision \(read), now \(now), by \(by) \(ago) ago). "
          + "Read it again: '\(Self.showCommand(what))'.")
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

  private func suggesting(_ problems: [FieldProblem]) async throws -> [FieldProblem] {
    var names = NameSuggestions(store: context.store)
    return try await names.improving(problems)
  }

  private func near(_ name: String, among kind: NameKind) async throws -> String? {
    var names = NameSuggestions(store: context.store)
    return try await names.name(near: name, among: kind)
  }

  /// `muster node show r1n42` of `node r1n42`.
  private static func showCommand(_ what: String) -> String {
    let words = what.hasPrefix(ProfileKind.noun) ? "boot" + what.dropFirst(ProfileKind.noun.count) : what
    guard let space = words.firstIndex(of: " ") else { return "muster \(words) show" }
    return "muster \(words[..<space]) show\(words[space...])"
  }
}

extension RPCError {
  fileprivate func suggesting(_ name: String?) -> RPCError {
    name.map { saying("\(message) Perhaps you mean \($0).") } ?? self
  }

  /// The same error in other words, in its details too.
  fileprivate func saying(_ message: String) -> RPCError {
    ErrorDetails(self)?.error(code, message) ?? RPCError(code, message)
  }
}
