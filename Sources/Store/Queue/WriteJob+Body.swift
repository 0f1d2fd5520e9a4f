internal import Provisioning

extension WriteJob {
  /// A job that runs `body` in a transaction and resumes `continuation` with what came of it.
  ///
  /// - Parameter isRehearsal: Undo what the body wrote, whatever it returns.
  init<Value: Sendable>(
    _ continuation: CheckedContinuation<Value, any Error>, environment: StoreEnvironment, isRehearsal: Bool,
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) {
    refuse = { continuation.resume(throwing: $0) }
    run = { tables in
      var transaction = Transaction(tables: tables, environment)
      let result = Result { try body(&transaction) }
      var notice: CommitNotice?
      var failure: StoreError?
      switch result {
      case .success: notice = isRehearsal ? nil : transaction.notice
      case .failure(let error): failure = error as? StoreError
      }
      return Executed(notice: notice, failure: failure) { commitFailure in
        // A body that the rules refused is told so even if the commit of the others failed.
        if let commitFailure, case .success = result {
          continuation.resume(throwing: commitFailure)
        } else {
          continuation.resume(with: result)
        }
      }
    }
  }
}
