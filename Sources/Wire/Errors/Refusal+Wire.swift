package import Provisioning
package import RPC

// Which status a caller gets for what the rules refuse: the table of the domain.

extension Refusal: RPCErrorConvertible {
  package var rpcError: RPCError {
    if case .invalid(let problems) = self { return InvalidFields(problems).rpcError }
    return ErrorDetails(reason: code, metadata: metadata, problems: nameProblems).error(statusCode, "\(self)")
  }

  /// The same for the write of a batch that it stands against, which is named in `metadata["write"]` and in the fields.
  fileprivate func rpcError(ofWrite index: Int) -> RPCError {
    var details = ErrorDetails(reason: code, metadata: metadata, problems: nameProblems)
    details.metadata["write"] = "\(index)"
    for problem in details.problems.indices {
      details.problems[problem].field = "writes[\(index)].\(details.problems[problem].field)"
    }
    return details.error(statusCode, "\(self)")
  }

  /// A name that is taken is a wrong field of the request too.
  private var nameProblems: [MusterV1.FieldProblem] {
    let (name, noun): (String, String)
    switch self {
    case .nodeExists(let taken): (name, noun) = ("\(taken)", "node")
    case .subnetExists(let taken): (name, noun) = ("\(taken)", "subnet")
    case .profileExists(let taken): (name, noun) = ("\(taken)", "boot")
    case .agentExists(let taken): (name, noun) = ("\(taken)", "agent")
    default: return []
    }
    return [
      MusterV1.FieldProblem(
        field: "name", value: name, code: code, message: "exists already",
        fix: "choose another, or look at it with 'muster \(noun) show \(name)'")
    ]
  }

  private var statusCode: StatusCode {
    switch self {
    case .invalid, .tooManyWrites, .requestIDReused: .invalidArgument
    case .unknownNode, .unknownSubnet, .unknownProfile, .unknownAgent: .notFound
    case .nodeExists, .subnetExists, .profileExists, .agentExists: .alreadyExists
    case .stale, .superseded: .aborted
    case .subnetHasNodes, .profileInUse, .profileIsBuiltIn, .agentOwnsSubnets, .wrongState: .failedPrecondition
    case .notEnrolled: .unauthenticated
    case .limitReached: .resourceExhausted
    }
  }

  /// What a program may want of it without reading the sentence.
  private var metadata: [String: String] {
    switch self {
    case .stale(let what, let read, let now, let by, let at):
      [
        "resource": what, "revision_read": read.description, "revision_now": now.description, "changed_by": by.text,
        "change_time_ns": "\(at.nanoseconds)",
      ]
    case .subnetHasNodes(_, let count), .agentOwnsSubnets(_, let count): ["count": "\(count)"]
    case .tooManyWrites(let max), .limitReached(_, let max): ["max": "\(max)"]
    default: [:]
    }
  }
}

extension InvalidFields: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(invalid: problems.map { MusterV1.FieldProblem($0) }) }
}

extension BatchRefused: RPCErrorConvertible {
  /// The refusal itself when there is one and it is not about fields; else all as problems of the request.
  package var rpcError: RPCError {
    if refusals.count == 1, let (index, refusal) = refusals.first {
      if case .invalid = refusal {} else { return refusal.rpcError(ofWrite: index) }
    }
    return RPCError(invalid: problems.map { MusterV1.FieldProblem($0) })
  }
}

extension PageTokenError: RPCErrorConvertible {
  package var rpcError: RPCError {
    let problem = MusterV1.FieldProblem(
      field: "page_token", code: "PAGE_TOKEN_FOREIGN", message: description, fix: "begin again without one")
    return RPCError(invalid: [problem])
  }
}

extension RPCError {
  /// `invalidArgument` with every problem: the first in the text, all as details.
  package init(invalid problems: [MusterV1.FieldProblem]) {
    let first = problems.first?.fullSentence ?? "invalid request"
    let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
    let reason = problems.count == 1 ? problems[0].code : "INVALID_FIELDS"
    self = ErrorDetails(reason: reason, problems: problems).error(.invalidArgument, first + more)
  }
}
