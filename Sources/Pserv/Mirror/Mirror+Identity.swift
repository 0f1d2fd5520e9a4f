internal import GRDB

/// Who the agent is.
extension Mirror {
  /// Stores the identity; kept as a whole.
  package func storeIdentity(_ identity: AgentIdentity) throws(MirrorError) {
    guard content.identity != identity else { return }
    try change { content, _, db in
      content.identity = identity
      try Self.set(MetaKey.uid, Array(identity.uid.utf8), db)
      try Self.set(MetaKey.credential, Array(identity.credential.utf8), db)
      try Self.set(MetaKey.spentToken, Array(identity.spentToken.utf8), db)
      try Self.set(MetaKey.attempt, identity.attempt, db)
      try Self.set(MetaKey.isDisplaced, [identity.isDisplaced ? 1 : 0], db)
    }
  }
}
