package import Provisioning

extension Binding {
  /// What the machine boots now from this interface: its boot-once, unless a phone-home used up exactly this one; the
  /// local disk if it does not boot from here.
  ///
  /// - Parameter usedUp: The token of the last boot-once that was used up here, if any.
  package func profile(usedUp: UInt64?) -> ProfileName {
    guard let bootProfile else { return .local }
    guard let bootOnce, bootOnce.token != usedUp else { return bootProfile }
    return bootOnce.profile
  }
}
