/// What an operator decides about a way to boot.
package struct BootProfileSpec: Hashable, Sendable {
  package var name: ProfileName
  package var kind: Kind
  package enum Kind: Hashable, Sendable {
    /// The loader leaves to the local disk.
    case local
    case kernel(BootImage)

    package var image: BootImage? {
      switch self {
      case .local: nil
      case .kernel(let image): image
      }
    }
  }

  package init(name: ProfileName, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

/// A kernel with what it needs, as paths below the agents' boot root.
package struct BootImage: Hashable, Sendable {
  package var kernel: BootPath
  package var initrds: [BootPath]
  package var arguments: KernelArguments

  package static let initrdsMax = 8

  package init(kernel: BootPath, initrds: [BootPath] = [], arguments: KernelArguments = .empty) {
    self.kernel = kernel
    self.initrds = initrds
    self.arguments = arguments
  }
}

/// A way to boot as the region keeps it.
package struct BootProfile: Hashable, Sendable {
  package var id: ProfileID
  package var spec: BootProfileSpec
  package var revision: Revision
  /// The revision of the whole set of profiles that last changed this one; the cursor of its feed.
  package var feedRevision: Revision
  package var updated: Timestamp
  package var updatedBy: Actor

  package init(
    id: ProfileID, spec: BootProfileSpec, revision: Revision, feedRevision: Revision,
    updated: Timestamp, updatedBy: Actor
  ) {
    self.id = id
    self.spec = spec
    self.revision = revision
    self.feedRevision = feedRevision
    self.updated = updated
    self.updatedBy = updatedBy
  }

  package var name: ProfileName { spec.name }
}

extension ProfileName {
  /// Boots the local disk. Always there; the default of every node.
  package static var local: ProfileName { "local" }
  /// What an unknown machine boots: it tells the region who it is, then goes on as the profile's
  /// kind says. Always there.
  package static var enlist: ProfileName { "enlist" }

  /// True for the two that exist without an operator and cannot be removed.
  package var isBuiltIn: Bool { self == .local || self == .enlist }
}

/// One order to boot a profile once. The token differs from that of every other order to the node,
/// so an agent that carried it out does not carry it out again when the row comes by for another
/// reason.
package struct BootOnce: Hashable, Sendable {
  package var profile: ProfileName
  package var token: UInt64

  package init(profile: ProfileName, token: UInt64) {
    self.profile = profile
    self.token = token
  }
}
