package import Provisioning

/// How one list of bindings of a subnet differs from another.
package struct BindingChanges: Sendable, Hashable {
  /// New or different, ascending by MAC.
  package var upserts: [Binding] = []
  /// No longer there, ascending.
  package var removals: [MACAddress] = []

  package init(upserts: [Binding] = [], removals: [MACAddress] = []) {
    self.upserts = upserts
    self.removals = removals
  }

  package var isEmpty: Bool { upserts.isEmpty && removals.isEmpty }

  /// What turns `old` into `new`; both ascend by MAC.
  package init(from old: [Binding], to new: [Binding]) {
    var (i, j) = (0, 0)
    while i < old.count || j < new.count {
      if j == new.count || (i < old.count && old[i].mac < new[j].mac) {
        removals.append(old[i].mac)
        i += 1
      } else if i == old.count || new[j].mac < old[i].mac {
        upserts.append(new[j])
        j += 1
      } else {
        if old[i] != new[j] { upserts.append(new[j]) }
        i += 1
        j += 1
      }
    }
  }
}

/// Applies `changes` (nil: the binding goes) to `bindings`, which ascend by MAC and stay so, and keeps `digest` in step.
///
/// - Returns: What really changed; a repeated row is no change.
package func merge(
  _ changes: [MACAddress: Binding?], into bindings: inout [Binding], digest: inout SubnetDigest
) -> BindingChanges {
  let ordered = changes.sorted { $0.key < $1.key }
  var result = BindingChanges()
  var merged: [Binding] = []
  merged.reserveCapacity(bindings.count + ordered.count)
  var position = 0
  for (mac, change) in ordered {
    while position < bindings.count, bindings[position].mac < mac {
      merged.append(bindings[position])
      position += 1
    }
    let old = position < bindings.count && bindings[position].mac == mac ? bindings[position] : nil
    if old != nil { position += 1 }
    if let binding = change { merged.append(binding) }
    guard old != change else { continue }
    if let old { digest.remove(RowHash(old)) }
    if let new = change {
      digest.insert(RowHash(new))
      result.upserts.append(new)
    } else {
      result.removals.append(mac)
    }
  }
  merged.append(contentsOf: bindings[position...])
  bindings = merged
  return result
}
