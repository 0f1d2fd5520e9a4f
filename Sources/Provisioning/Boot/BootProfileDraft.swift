/// A boot profile as an operator wrote it.
package struct BootProfileDraft: Hashable, Sendable {
  package var name: String
  /// `local`, `kernel`, or empty: `kernel` if there is one.
  package var kind: String
  package var kernel: String
  package var initrds: [String]
  package var arguments: String

  package init(
    name: String = "", kind: String = "", kernel: String = "", initrds: [String] = [], arguments: String = ""
  ) {
    self.name = name
    self.kind = kind
    self.kernel = kernel
    self.initrds = initrds
    self.arguments = arguments
  }

  /// The words that mean `spec`; an update overlays them with what the operator changed.
  package init(_ spec: BootProfileSpec) {
    let image = spec.kind.image
    self.init(
      name: spec.name.text, kind: image == nil ? "local" : "kernel", kernel: image?.kernel.text ?? "",
      initrds: image?.initrds.map(\.text) ?? [], arguments: image?.arguments.text ?? "")
  }

  /// - Throws: `InvalidFields` with all problems, in the order of the fields.
  package func parse() throws(InvalidFields) -> BootProfileSpec {
    var problems = Problems()
    let name = problems.name("name", self.name, ProfileKind.self)
    let kind = parseKind(&problems)
    if let name, name == .local, kind != .local {
      problems.add("kernel", kernel, .immutable, "cannot be set: 'local' boots the disk", fix: "use another profile")
    }
    try problems.check()
    guard let name, let kind else { throw InvalidFields(problems.list) }
    return BootProfileSpec(name: name, kind: kind)
  }

  private func parseKind(_ problems: inout Problems) -> BootProfileSpec.Kind? {
    let hasImage = !kernel.isEmpty || !initrds.isEmpty || !arguments.isEmpty
    switch (kind, hasImage) {
    case ("local", false), ("", false): return .local
    case ("kernel", _), ("", true): return parseImage(&problems).map { .kernel($0) }
    case ("local", true):
      problems.add("kind", kind, .profileInvalid, "takes no kernel", fix: "leave kernel, initrds and arguments out")
    default:
      problems.add("kind", kind, .profileInvalid, "is not a kind of profile", fix: "give local or kernel")
    }
    return nil
  }

  private func parseImage(_ problems: inout Problems) -> BootImage? {
    let kernel = path("kernel", self.kernel, &problems)
    problems.atMost(BootImage.initrdsMax, "initrds", initrds.count)
    let initrds = self.initrds.prefix(BootImage.initrdsMax).enumerated().compactMap { index, text in
      path("initrds[\(index)]", text, &problems)
    }
    var arguments = KernelArguments.empty
    do { arguments = try KernelArguments(self.arguments) } catch {
      problems.add("arguments", self.arguments, error.code, "\(error)", fix: error.fix)
    }
    return kernel.map { BootImage(kernel: $0, initrds: initrds, arguments: arguments) }
  }

  private func path(_ field: String, _ text: String, _ problems: inout Problems) -> BootPath? {
    do { return try BootPath(text) } catch {
      let code: ProblemCode = error == .empty ? .required : .pathInvalid
      problems.add(field, text, code, "\(error)", fix: error.fix)
      return nil
    }
  }
}
