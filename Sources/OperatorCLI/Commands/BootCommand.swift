internal import ArgumentParser
internal import RPC
internal import Wire

struct BootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot", abstract: "Boot profiles: what machines boot into.",
    subcommands: [BootList.self, BootShow.self, BootAdd.self, BootUpdate.self, BootRemove.self])
}

extension RegionConnection {
  var bootProfiles: MusterV1.BootProfileServiceClient { MusterV1.BootProfileServiceClient(channel: channel) }
}

struct BootList: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "All boot profiles.")
  @OptionGroup var global: GlobalOptions

  func run(_ region: RegionConnection) async throws {
    var profiles: [MusterV1.BootProfile] = []
    try await Paging.all { token in
      var request = MusterV1.ListBootProfilesRequest()
      request.pageSize = Paging.size
      request.pageToken = token
      let page = try await region.bootProfiles.listBootProfiles(request, options: region.options)
      profiles += page.bootProfiles
      return page.nextPageToken
    }
    ListOutput(region: region, noun: "boot", plural: "boot profiles", name: \.name, json: \.json)
      .write(profiles) { profiles in
        var table = Table("PROFILE", "KIND", "KERNEL", "INITRDS", "ARGUMENTS")
        for profile in profiles {
          table.add(
            Table.Cell(profile.name), Table.Cell(profile.kind.word.lowercased()), Table.Cell(profile.kernel),
            Table.Cell(profile.initrds.joined(separator: " ")), Table.Cell(profile.arguments))
        }
        return table
      }
  }
}

struct BootShow: RegionCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One boot profile and which agents have its files.")
  @OptionGroup var global: GlobalOptions
  @Argument(help: "The profile's name.") var name: String

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.GetBootProfileRequest()
    request.name = name
    let profile = try await region.bootProfiles.getBootProfile(request, options: region.options)
    switch region.format {
    case .json: region.surroundings.output(profile.json.text)
    case .name: region.surroundings.output("boot/\(profile.name)")
    case .table: region.surroundings.writeOutput(BootDetails(profile: profile).text(color: region.surroundings.usesColor))
    }
  }
}

/// `boot show` as text: the profile, and which agents lack which of its files.
struct BootDetails {
  var profile: MusterV1.BootProfile

  func text(color: Bool) -> String {
    var bare = profile
    bare.files = []
    let out = Details(bare.json).text
    guard !profile.files.isEmpty else { return out }
    var files = Table("AGENT", "FILE", "OCTETS", "SHA256")
    for file in profile.files {
      let isMissing = file.sha256.isEmpty
      files.add(
        Table.Cell(file.agent), Table.Cell(file.path), Table.Cell(isMissing ? "" : String(file.sizeBytes)),
        isMissing ? Table.Cell("missing", .failing) : Table.Cell(file.sha256))
    }
    return out + "\n" + files.text(color: color)
  }
}

/// The files and arguments of a profile on a command line.
struct BootFields: ParsableArguments {
  @Option(help: "Kernel, a path below the agents' boot root; '-' for none: boot the disk.") var kernel: String?
  @Option(name: .customLong("initrd"), help: "Initial ramdisk; repeat for more; '-' for none.") var initrds: [String] = []
  @Option(help: "Kernel command line; '-' for none.") var arguments: String?

  /// - Returns: The paths of the fields it set.
  func apply(to profile: inout MusterV1.BootProfile) -> [String] {
    var paths: [String] = []
    if let kernel {
      // A profile with a kernel is one of kernels; without, it leaves to the disk.
      profile.kind = kernel == "-" ? .local : .kernel
      profile.kernel = kernel == "-" ? "" : kernel
      paths += ["kind", "kernel"]
    }
    if !initrds.isEmpty { profile.initrds = initrds == ["-"] ? [] : initrds; paths.append("initrds") }
    if let arguments { profile.arguments = arguments == "-" ? "" : arguments; paths.append("arguments") }
    return paths
  }
}

struct BootAdd: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "add", abstract: "Add a kernel profile.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: BootFields
  @Argument(help: "A name, unique in the region.") var name: String
  @Flag(help: "Check only.") var dryRun = false
  @Option(help: "Idempotency key.") var requestID: String?

  func run(_ region: RegionConnection) async throws {
    var profile = MusterV1.BootProfile()
    profile.name = name
    profile.kind = .kernel
    _ = fields.apply(to: &profile)
    var request = MusterV1.CreateBootProfileRequest()
    request.bootProfile = profile
    request.validateOnly = dryRun
    request.requestId = requestID ?? ""
    let response = try await region.bootProfiles.createBootProfile(request, options: region.options)
    WriteOutput(region: region, isDryRun: dryRun).write(response)
  }
}

struct BootUpdate: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "update", abstract: "Change the fields that are given.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var fields: BootFields
  @OptionGroup var write: WriteOptions
  @Argument(help: "The profile's name.") var name: String

  func prepare(_ surroundings: Surroundings) throws {
    var profile = MusterV1.BootProfile()
    guard fields.apply(to: &profile).isEmpty else { return }
    throw CommandFailure(.usage, "nothing to change; give --kernel, --initrd or --arguments")
  }

  func run(_ region: RegionConnection) async throws {
    var profile = MusterV1.BootProfile()
    profile.name = name
    let paths = fields.apply(to: &profile)
    var request = MusterV1.UpdateBootProfileRequest()
    request.bootProfile = profile
    request.updateMask = GoogleProtobuf.FieldMask(paths: paths)
    request.ifRevision = write.ifRevision ?? 0
    request.validateOnly = write.dryRun
    request.requestId = write.requestID ?? ""
    let response = try await region.bootProfiles.updateBootProfile(request, options: region.options)
    WriteOutput(region: region, isDryRun: write.dryRun).write(response)
  }
}

struct BootRemove: RegionCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a profile no node uses.")
  @OptionGroup var global: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The profile's name.") var name: String
  @Option(help: "Refuse (status 4) unless the profile is at this revision.") var ifRevision: UInt64?
  @Option(help: "Idempotency key.") var requestID: String?

  func prepare(_ surroundings: Surroundings) throws {
    try confirmation.confirm("Remove boot profile \(name)?", surroundings)
  }

  func run(_ region: RegionConnection) async throws {
    var request = MusterV1.DeleteBootProfileRequest()
    request.name = name
    request.ifRevision = ifRevision ?? 0
    request.requestId = requestID ?? ""
    let response = try await region.bootProfiles.deleteBootProfile(request, options: region.options)
    WriteOutput(region: region).write(response)
  }
}
