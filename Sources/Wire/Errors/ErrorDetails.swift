package import RPC

/// What an error of ours tells programs, in the form of `google.rpc.Status`: an `ErrorInfo` with a stable reason,
/// and for wrong fields a `BadRequest` (any gRPC client understands it) beside our own, fuller `FieldProblem`s.
package struct ErrorDetails: Sendable, Hashable {
  /// Stable, in UPPER_SNAKE_CASE.
  package var reason: String
  package var metadata: [String: String]
  package var problems: [MusterV1.FieldProblem]

  /// `ErrorInfo.domain` of our reasons.
  package static let domain = "muster"
  /// The details travel in a trailer, and peers refuse long ones (8 KiB of headers is a usual limit): problems
  /// that do not fit into this many octets are counted in `ErrorInfo.metadata["problems"]` and left out.
  package static let bytesMax = 4096
  /// Octets of the text beside them.
  package static let messageBytesMax = 1024

  package init(reason: String, metadata: [String: String] = [:], problems: [MusterV1.FieldProblem] = []) {
    self.reason = reason
    self.metadata = metadata
    self.problems = problems
  }
}

extension ErrorDetails {
  /// The error a handler throws.
  package func error(_ code: StatusCode, _ message: String) -> RPCError {
    let message = String(decoding: message.utf8.prefix(Self.messageBytesMax), as: UTF8.self)
    return RPCError(code, message, details: serialized(code, message))
  }

  private func serialized(_ code: StatusCode, _ message: String) -> [UInt8] {
    var info = GoogleRpc.ErrorInfo(reason: reason, domain: Self.domain, metadata: metadata)
    if problems.count > 1 { info.metadata["problems"] = "\(problems.count)" }
    var badRequest = GoogleRpc.BadRequest()
    var packed: [GoogleProtobuf.AnyMessage] = []
    var leftBytes = Self.bytesMax - message.utf8.count
    for problem in problems {
      let violation = GoogleRpc.BadRequest.FieldViolation(field: problem.field, description: problem.sentence)
      let any = GoogleProtobuf.AnyMessage(packing: problem)
      leftBytes -= any.value.count + any.typeUrl.utf8.count + violation.serializedBytes().count + Self.framingBytes
      guard leftBytes >= 0 else { break }
      badRequest.fieldViolations.append(violation)
      packed.append(any)
    }
    var status = GoogleRpc.Status(code: Int32(code.rawValue), message: message)
    status.details = [GoogleProtobuf.AnyMessage(packing: info)]
    if !packed.isEmpty { status.details += [GoogleProtobuf.AnyMessage(packing: badRequest)] + packed }
    return status.serializedBytes()
  }

  /// Tags and lengths around one problem, at most.
  private static let framingBytes = 24
}

extension ErrorDetails {
  /// What came with an error of any gRPC server; nil when nothing readable did.
  package init?(_ error: RPCError) {
    guard !error.details.isEmpty else { return nil }
    let status: GoogleRpc.Status
    do { status = try GoogleRpc.Status(serializedBytes: error.details) } catch { return nil }
    let info = status.details.lazy.compactMap { $0.unpacked(GoogleRpc.ErrorInfo.self) }.first
    var problems = status.details.compactMap { $0.unpacked(MusterV1.FieldProblem.self) }
    if problems.isEmpty {
      let violations = status.details.compactMap { $0.unpacked(GoogleRpc.BadRequest.self) }.flatMap(\.fieldViolations)
      problems = violations.map { MusterV1.FieldProblem(field: $0.field, message: $0.description) }
    }
    guard info != nil || !problems.isEmpty else { return nil }
    self.init(reason: info?.reason ?? "", metadata: info?.metadata ?? [:], problems: problems)
  }
}

extension RPCError {
  /// What is wrong with which field of the request; empty when the error is about something else.
  package var fieldProblems: [MusterV1.FieldProblem] { ErrorDetails(self)?.problems ?? [] }

  /// How many problems there were; more than `fieldProblems` when they did not all fit.
  package var fieldProblemCount: Int {
    guard let details = ErrorDetails(self) else { return 0 }
    return max(details.problems.count, details.metadata["problems"].flatMap { Int($0) } ?? 0)
  }

  /// The stable reason; nil when the server gave none.
  package var reason: String? {
    guard let reason = ErrorDetails(self)?.reason, !reason.isEmpty else { return nil }
    return reason
  }
}
