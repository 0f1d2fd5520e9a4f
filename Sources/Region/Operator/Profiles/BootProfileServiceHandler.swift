internal import Provisioning
package import RPC
internal import Store
package import Wire

/// The operator's service for boot profiles. A changed profile reaches every agent by a feed of its own; the nodes
/// that use it are not touched.
package struct BootProfileServiceHandler: MusterV1.BootProfileService {
  let context: RegionContext
  let writes: OperatorWrites

  package init(context: RegionContext) {
    self.context = context
    writes = OperatorWrites(store: context.store)
  }

  package func listBootProfiles(
    _ request: MusterV1.ListBootProfilesRequest, context call: ServerContext
  ) async throws -> MusterV1.ListBootProfilesResponse {
    try await answering {
      let page = try PageRequest(size: request.pageSize, token: request.pageToken, query: PageQuery("ListBootProfiles", order: "name"))
      return try await context.store.read { snapshot in
        let rest = try snapshot.profiles().drop { profile in
          !page.after.isEmpty && !page.after.lexicographicallyPrecedes(profile.name.sortKey)
        }
        let shown = rest.prefix(page.size)
        let files = try BootFileCensus(in: snapshot)
        var response = MusterV1.ListBootProfilesResponse()
        response.bootProfiles = shown.map { MusterV1.BootProfile($0, files: files.statuses(of: $0)) }
        response.nextPageToken = page.token(after: rest.count > shown.count ? shown.last?.name.sortKey : nil)
        return response
      }
    }
  }

  package func getBootProfile(
    _ request: MusterV1.GetBootProfileRequest, context call: ServerContext
  ) async throws -> MusterV1.BootProfile {
    try await answering {
      let name: ProfileName = try RequestNames.parse(request.name)
      return try await context.store.read { snapshot in
        guard let profile = try snapshot.profile(named: name) else { throw Refusal.unknownProfile(name.text) }
        return MusterV1.BootProfile(profile, files: try BootFileCensus(in: snapshot).statuses(of: profile))
      }
    }
  }

  package func createBootProfile(
    _ request: MusterV1.CreateBootProfileRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteBootProfileResponse {
    try await answering {
      guard let profile = request.bootProfile else {
        throw InvalidFields.missing("boot_profile", fix: "say which profile to add")
      }
      let spec = try BootProfileDraft(profile).parse()
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let profile = try transaction.createProfile(spec, by: actor)
        try transaction.record(Event(.profileAdded, actor: actor, message: "boot profile \(spec.name) added"))
        return try response(profile, .added, in: transaction)
      }
    }
  }

  package func updateBootProfile(
    _ request: MusterV1.UpdateBootProfileRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteBootProfileResponse {
    try await answering {
      guard let change = request.bootProfile else {
        throw InvalidFields.missing("boot_profile", fix: "say which profile to change")
      }
      let name: ProfileName = try RequestNames.parse(change.name)
      let draft = BootProfileDraft(change)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        guard let before = try transaction.profile(named: name) else { throw Refusal.unknownProfile(name.text) }
        let revision = Revision(ifGiven: request.ifRevision)
        if let revision, revision != before.revision {
          throw Refusal.stale(
            what: "boot profile \(name)", read: revision, now: before.revision, by: before.updatedBy,
            at: before.updated)
        }
        let merged = try FieldTable.bootProfile.merge(
          draft, paths: request.updateMask?.paths ?? [], into: BootProfileDraft(before.spec))
        let (outcome, profile) = try transaction.replaceProfile(
          name, with: try merged.parse(), ifRevision: revision, by: actor)
        if outcome != .unchanged {
          try transaction.record(Event(.profileUpdated, actor: actor, message: "boot profile \(name) updated"))
        }
        return try response(profile, outcome, in: transaction)
      }
    }
  }

  package func deleteBootProfile(
    _ request: MusterV1.DeleteBootProfileRequest, context call: ServerContext
  ) async throws -> MusterV1.WriteBootProfileResponse {
    try await answering {
      let name: ProfileName = try RequestNames.parse(request.name)
      return try await writes.run(
        request, id: request.requestId, validateOnly: request.validateOnly, call: call
      ) { transaction, actor in
        let profile = try transaction.removeProfile(name, ifRevision: Revision(ifGiven: request.ifRevision))
        try transaction.record(Event(.profileRemoved, actor: actor, message: "boot profile \(name) removed"))
        return try response(profile, .removed, in: transaction)
      }
    }
  }

  private func response(
    _ profile: BootProfile, _ outcome: WriteOutcome, in transaction: borrowing Transaction
  ) throws -> MusterV1.WriteBootProfileResponse {
    var response = MusterV1.WriteBootProfileResponse()
    response.bootProfile = MusterV1.BootProfile(profile)
    response.outcome = MusterV1.WriteOutcome(outcome)
    response.profilesRevision = try transaction.profilesRevision().number
    return response
  }
}

/// Which agents have which boot files, as they last reported.
struct BootFileCensus {
  /// Agents whose files one answer shows; their rows must fit a message.
  static let agentsMax = 1_000

  private var files: [BootPath: [(agent: AgentName, file: BootFile)]] = [:]

  init(in snapshot: borrowing Snapshot) throws {
    for agent in try snapshot.agents(limit: Self.agentsMax).items {
      for file in try snapshot.bootFiles(of: agent.name) { files[file.path, default: []].append((agent.name, file)) }
    }
  }

  /// The files of one profile, in the order the machine asks for them.
  func statuses(of profile: BootProfile) -> [MusterV1.BootFileStatus] {
    guard let image = profile.spec.kind.image else { return [] }
    return ([image.kernel] + image.initrds).flatMap { path in
      (files[path] ?? []).map { MusterV1.BootFileStatus($0.file, agent: $0.agent) }
    }
  }
}
