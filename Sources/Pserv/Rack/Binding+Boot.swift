package import Provisioning

extension Binding {
  /// What the machine boots now: its boot-once, unless a phone-home used up exactly this one.
  ///
  /// - Parameter usedUp: The serial of the last boot-once that was used up here, if any.
  package func profile(usedUp: UInt64?) -> ProfileName {
    guard let bootOnce, bootOnceSerial != usedUp else { return bootProfile }
    return bootOnce
  }
}
