internal import Logging
package import Provisioning

extension Rack: PhoneHomeDesk {
  /// How long a machine waits that comes while the spool is full.
  static let spoolFullRetry: Duration = .seconds(60)

  package func phoneHome(_ report: MachineReport, at localAddress: IPv4Address) async throws -> PhoneHomeOutcome {
    let content = mirror.content
    let here = content.appliedState.subnets.filter { $0.attachment?.agentAddress == localAddress }
    guard let mac = report.macs.first, !here.isEmpty else { return .notServed }
    if let binding = here.lazy.compactMap({ $0.binding(of: mac) }).first {
      return try welcome(binding, content)
    }
    let places = Set(here.map(\.dhcpID))
    if let binding = content.rejectedBindings.first(where: { $0.mac == mac && places.contains($0.subnet) }) {
      // In quarantine: not served, and no stranger.
      record(BootObservation(dhcpID: binding.subnet, mac: mac, stage: .phoneHome, time: time.wall))
      return .known(binding.hostname, next: .local)
    }
    let home = here.first { $0.header.prefix.contains(report.address) } ?? here[0]
    return try enlist(report, in: home.dhcpID)
  }

  package func willServe(_ once: BootOnceUse) throws {
    try mirror.serve(once)
  }

  /// A known machine is up. The order to boot once whose script it got is used up now, and stays so whatever the region
  /// knows.
  private func welcome(_ binding: Binding, _ content: MirrorContent) throws -> PhoneHomeOutcome {
    var used: UInt64 = 0
    var usedUp = content.orders[binding.key].flatMap { $0.isUsedUp ? $0.token : nil }
    if let once = binding.bootOnce, usedUp != once.token {
      let use = BootOnceUse(key: binding.key, token: once.token)
      let metadata: Logger.Metadata = ["node": "\(binding.hostname)", "once": "\(once.profile)"]
      if try mirror.use(use) {
        view.use(use)
        (used, usedUp) = (once.token, once.token)
        log.info("booted once; back to the profile", metadata: metadata)
      } else {
        log.info("a phone-home before the script was asked for; the order to boot once stands", metadata: metadata)
      }
    }
    record(
      BootObservation(dhcpID: binding.subnet, mac: binding.mac, stage: .phoneHome, time: time.wall), bootOnce: used)
    return .known(binding.hostname, next: binding.profile(usedUp: usedUp))
  }

  private func enlist(_ report: MachineReport, in subnet: DHCPSubnetID) throws -> PhoneHomeOutcome {
    if let wait = change({ $0.meter.admit(subnet, now: time.elapsed) }) { return .busy(retryAfter: wait) }
    let id = (0..<2).flatMap { _ in bigEndian(random()) }
    let outcome = try mirror.spool(SpooledEnlistment(id: id, dhcpID: subnet, report: report, time: time.wall))
    switch outcome {
    case .spooled:
      log.info("an unknown machine enlisted", metadata: ["mac": "\(report.macs[0])", "subnet": "\(subnet)"])
      sayable.raise()
      return .enlisted
    case .alreadySpooled:
      return .enlisted
    case .full:
      log.error("the spool of enlistments is full; newer machines must wait", metadata: ["max": "\(Mirror.spoolMax)"])
      return .busy(retryAfter: Self.spoolFullRetry)
    }
  }
}

func bigEndian(_ number: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
}
