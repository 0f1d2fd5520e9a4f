internal import RPC
internal import Wire

/// A refusal of the region in an operator's words.
struct ErrorReport {
  let failure: CommandFailure

  init(_ error: RPCError, region: String) {
    let problems = error.fieldProblems
    let sentence = Self.sentence(error, region: region)
    failure = CommandFailure(
      Self.status(of: error),
      problems.isEmpty ? sentence : problems.map(Self.sentence).joined(separator: "\nerror: "),
      json: Self.json(error, sentence, problems))
  }

  static func status(of error: RPCError) -> CommandStatus {
    switch error.code {
    case .ok: .success
    case .invalidArgument, .outOfRange: .invalidData
    case .notFound: .notFound
    case .aborted: .stale
    case .unavailable, .unauthenticated, .deadlineExceeded: .unreachable
    case .alreadyExists where !error.fieldProblems.isEmpty: .invalidData
    default: .refused
    }
  }

  private static func sentence(_ error: RPCError, region: String) -> String {
    switch error.code {
    case .unavailable:
      "cannot reach region \(region): \(cause(error, region)). Is muster-region running there? "
        + "Set another with --region or MUSTER_REGION."
    case .unauthenticated:
      "region \(region) does not let you in: \(error.message). Set the token with --token-file or MUSTER_TOKEN_FILE."
    case .deadlineExceeded:
      "region \(region) did not answer in \(GlobalOptions.callSecondsMax)s. If the command was a write, look before you repeat it."
    case .internalError, .unknown, .dataLoss:
      "the region failed: \(error.message). Its log says more."
    default: error.message
    }
  }

  /// Without the address, which the sentence has named: a channel to several names the one it means.
  private static func cause(_ error: RPCError, _ region: String) -> String {
    let named = " (\(region))"
    return error.message.hasSuffix(named) ? String(error.message.dropLast(named.count)) : error.message
  }

  /// `interfaces[0].address: 10.1.3.10 is inside the pool of hall1 (…). Choose another address or 'auto'.`
  static func sentence(_ problem: MusterV1.FieldProblem) -> String {
    problem.line > 0 ? "line \(problem.line): \(problem.fullSentence)" : problem.fullSentence
  }

  static func json(_ problem: MusterV1.FieldProblem) -> JSONValue {
    .object([
      "code": .string(problem.code), "field": .string(problem.field), "value": .string(problem.value),
      "message": .string(problem.message), "fix": .string(problem.fix), "line": .unsigned(UInt64(problem.line)),
    ])
  }

  private static func json(_ error: RPCError, _ sentence: String, _ problems: [MusterV1.FieldProblem]) -> JSONValue {
    switch problems.count {
    case 0:
      .object(["error": .object(["code": .string(error.reason ?? error.code.name), "message": .string(sentence)])])
    case 1: .object(["error": json(problems[0])])
    default: .object(["error": json(problems[0]), "errors": .array(problems.map(json))])
    }
  }
}
