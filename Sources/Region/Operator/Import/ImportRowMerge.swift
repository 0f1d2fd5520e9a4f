internal import Provisioning

/// What a row of an import makes of the node it names.
///
/// Pure: an existing node (or none) and a row go in, the node as it shall be comes out, still in words, to be
/// parsed by the rules that every other write passes.
enum ImportRowMerge {
  /// Written in a merged interface to clear a field: the empty text leaves it as it is.
  static let clearing = "-"
  /// Merges interfaces by name instead of replacing the list.
  static let interfacesByName = "interfaces.*"

  /// - Parameters:
  ///   - existing: Nil when the row adds a node.
  ///   - node: What the row says.
  ///   - paths: The row's mask; empty for all that `node` has set.
  /// - Throws: `InvalidFields` for paths that no row may state.
  static func merge(
    _ node: NodeDraft, paths: [String], into existing: NodeDraft?
  ) throws(InvalidFields) -> NodeDraft {
    var merged = existing ?? NodeDraft()
    if !node.name.isEmpty { merged.name = node.name }
    let stated = paths.isEmpty ? statedPaths(of: node) : paths.filter { !ignored.contains($0) }
    if stated.contains(interfacesByName) {
      merged.interfaces = mergeByName(node.interfaces, into: merged.interfaces)
    }
    let plain = stated.filter { $0 != interfacesByName }
    if !plain.isEmpty {
      merged = try FieldTable.node.merge(node, paths: plain, into: merged)
    }
    if plain.contains("interfaces") || plain.contains("*"), let existing {
      merged.keepAddresses(of: existing)
    }
    return merged
  }

  /// An export names what only the region sets; reading it back is no error. The name travels by itself.
  private static let ignored = FieldTable<NodeDraft>.node.outputOnly.union(["name"])

  private static func statedPaths(of node: NodeDraft) -> [String] {
    var paths: [String] = []
    if !node.tags.isEmpty { paths.append("tags") }
    if !node.bootProfile.isEmpty { paths.append("boot_profile") }
    if !node.bootOnce.isEmpty { paths.append("boot_once") }
    if !node.interfaces.isEmpty { paths.append("interfaces") }
    if !node.bmcAddress.isEmpty { paths.append("bmc.address") }
    if !node.bmcMAC.isEmpty { paths.append("bmc.mac") }
    if !node.serial.isEmpty { paths.append("serial") }
    if !node.uuid.isEmpty { paths.append("uuid") }
    if !node.location.isEmpty { paths.append("location") }
    return paths
  }

  private static func mergeByName(
    _ stated: [InterfaceDraft], into existing: [InterfaceDraft]
  ) -> [InterfaceDraft] {
    var merged = existing
    for (position, stated) in stated.enumerated() {
      var interface = stated
      if interface.name.isEmpty { interface.name = name(of: stated, at: position, in: existing) }
      let index = merged.firstIndex { $0.name == interface.name } ?? merged.endIndex
      if index == merged.endIndex { merged.append(InterfaceDraft(name: interface.name)) }
      if !interface.mac.isEmpty { merged[index].mac = interface.mac }
      if interface.subnet == clearing {
        merged[index].subnet = ""
        merged[index].address = ""
      } else if !interface.subnet.isEmpty, interface.subnet != merged[index].subnet {
        // An address of the old subnet means nothing in the new one; without a word it is chosen anew.
        merged[index].subnet = interface.subnet
        merged[index].address = ""
      }
      if interface.address == clearing {
        merged[index].address = merged[index].subnet.isEmpty ? "" : "dynamic"
      } else if !interface.address.isEmpty {
        merged[index].address = interface.address
      }
    }
    if let position = stated.lastIndex(where: \.boot) {
      let boots = stated[position].name.isEmpty ? name(of: stated[position], at: position, in: merged) : stated[position].name
      for index in merged.indices { merged[index].boot = merged[index].name == boots }
    }
    return merged
  }

  /// What an interface without a name is called: as the node's interface with the same MAC, else as the rules for
  /// drafts call it.
  private static func name(of stated: InterfaceDraft, at position: Int, in existing: [InterfaceDraft]) -> String {
    let mac = address(stated)
    let known = mac == nil ? nil : existing.first { address($0) == mac }
    return known?.name ?? "eth\(position)"
  }

  private static func address(_ interface: InterfaceDraft) -> MACAddress? {
    do { return try MACAddress(interface.mac) } catch { return nil }
  }
}
