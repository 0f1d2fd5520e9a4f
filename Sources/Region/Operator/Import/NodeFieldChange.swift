package import Provisioning

/// How one field of a node changes, in the words of a plan: `eth0.mac 52:54:00:00:00:0c -> 52:54:00:aa:00:0c`.
package struct NodeFieldChange: Sendable, Hashable {
  package var field: String
  /// Empty for unset.
  package var before: String
  package var after: String
}

extension NodeSpec {
  /// What is different in `after`, in the order of the fields of a node.
  package func changes(to after: NodeSpec) -> [NodeFieldChange] {
    var changes: [NodeFieldChange] = []
    func note(_ field: String, _ before: String, _ after: String) {
      if before != after { changes.append(NodeFieldChange(field: field, before: before, after: after)) }
    }
    note("name", name.text, after.name.text)
    for interface in interfaces {
      let path = interface.name.text
      let now = after.interfaces.first { $0.name == interface.name }
      guard let now else {
        note(path, interface.mac.description, "")
        continue
      }
      note("\(path).mac", interface.mac.description, now.mac.description)
      note("\(path).subnet", interface.subnet?.text ?? "", now.subnet?.text ?? "")
      note("\(path).address", interface.addressText, now.addressText)
      note("\(path).boot", interface.boot ? "yes" : "no", now.boot ? "yes" : "no")
    }
    for interface in after.interfaces where !interfaces.contains(where: { $0.name == interface.name }) {
      note(interface.name.text, "", interface.mac.description)
    }
    note("bmc.address", bmc.address?.description ?? "", after.bmc.address?.description ?? "")
    note("bmc.mac", bmc.mac?.description ?? "", after.bmc.mac?.description ?? "")
    note("tags", tags.map(\.text).joined(separator: " "), after.tags.map(\.text).joined(separator: " "))
    note("serial", serial?.text ?? "", after.serial?.text ?? "")
    note("uuid", uuid?.description ?? "", after.uuid?.description ?? "")
    note("location", location.text, after.location.text)
    note("boot_profile", bootProfile.text, after.bootProfile.text)
    note("boot_once", bootOnce?.text ?? "", after.bootOnce?.text ?? "")
    if changes.isEmpty, self != after {
      // Only the order of the interfaces is left.
      note("interfaces", interfaces.map(\.name.text).joined(separator: " "),
        after.interfaces.map(\.name.text).joined(separator: " "))
    }
    return changes
  }

  /// The interface the node boots from: the one that says so, else the first.
  package var bootInterface: NetworkInterface? {
    interfaces.first(where: \.boot) ?? interfaces.first
  }
}

extension NetworkInterface {
  fileprivate var addressText: String { subnet == nil ? "" : address.description }
}
