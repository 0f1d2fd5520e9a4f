internal import Crypto
internal import Provisioning
internal import RPC
internal import Store

/// Carries out what an operator asks in one transaction, and a repeat of the same request not again.
///
/// The answer is stored beside the change under caller, method and request id. So a client that lost the
/// answer asks again and gets it, whatever happened in between.
struct OperatorWrites: Sendable {
  let store: any RegionStore

  /// Octets of a request id.
  static let requestIDOctetsMax = 64

  /// - Parameters:
  ///   - id: Empty when the caller wants no protection against repeats.
  ///   - validateOnly: Run everything and keep nothing, the id included.
  ///   - body: Runs inside the transaction and must touch nothing else.
  /// - Throws: What `body` throws; `Refusal.requestIDReused` when another request had the id.
  func run<Request: Message, Response: Message>(
    _ request: Request, id: String, validateOnly: Bool, call: ServerContext,
    _ body: @escaping @Sendable (inout Transaction, Actor) throws -> Response
  ) async throws -> Response {
    try Self.check(id)
    let actor = Actor(call.actor)
    if validateOnly { return try await store.rehearse { try body(&$0, actor) } }
    guard !id.isEmpty else { return try await store.write { try body(&$0, actor) } }
    let key = Self.key(id, method: call.method, actor: actor)
    let fingerprint = Array(SHA256.hash(data: request.serializedBytes()))
    return try await store.write { transaction in
      if let outcome = try transaction.outcome(ofRequest: key, fingerprint: fingerprint) {
        return try outcome.withUnsafeBytes { try Response(serialized: $0, limits: .standard) }
      }
      let response = try body(&transaction, actor)
      try transaction.remember(response.serializedBytes(), ofRequest: key, fingerprint: fingerprint)
      return response
    }
  }

  /// - Throws: `InvalidFields` for an id that is too long or not printable ASCII.
  static func check(_ id: String) throws(InvalidFields) {
    guard let problem = TextRule.problem(in: id, octetsMax: requestIDOctetsMax, asciiOnly: true) else { return }
    throw InvalidFields([
      FieldProblem(
        field: "request_id", value: id, code: problem.code, message: problem.description, fix: problem.fix)
    ])
  }

  /// Two callers, and two methods, may use the same id.
  private static func key(_ id: String, method: MethodDescriptor, actor: Actor) -> [UInt8] {
    Array(actor.text.utf8) + [0] + Array(method.path.utf8) + [0] + Array(id.utf8)
  }
}
