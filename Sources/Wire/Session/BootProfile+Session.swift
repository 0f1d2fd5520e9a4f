package import Provisioning

extension MusterV1.ProfileSet {
  /// - Parameter revision: Of the whole set.
  package init(_ profiles: [BootProfileSpec], revision: Revision) {
    self.init(revision: revision.number, profiles: profiles.map(MusterV1.Profile.init))
  }
}

extension MusterV1.Profile {
  package init(_ spec: BootProfileSpec) {
    let image = spec.kind.image
    let kind: MusterV1.BootProfileKind = image == nil ? .local : .kernel
    self.init(
      name: spec.name.text, kind: UInt32(kind.rawValue), kernel: image?.kernel.text ?? "",
      initrds: image?.initrds.map(\.text) ?? [], arguments: image?.arguments.text ?? "")
  }
}

extension BootProfileSpec {
  package init(_ profile: MusterV1.Profile) throws(SessionError) {
    let name = try parse("Profile.name") { try ProfileName(profile.name) }
    switch MusterV1.BootProfileKind(rawValue: Int32(truncatingIfNeeded: profile.kind)) {
    case .local:
      self.init(name: name, kind: .local)
    case .kernel:
      let image = BootImage(
        kernel: try parse("Profile.kernel") { try BootPath(profile.kernel) },
        initrds: try parse("Profile.initrds") { try profile.initrds.map { try BootPath($0) } },
        arguments: try parse("Profile.arguments") { try KernelArguments(profile.arguments) })
      self.init(name: name, kind: .kernel(image))
    case .unspecified, .unrecognized:
      throw SessionError(field: "Profile.kind")
    }
  }
}
