internal import Logging
internal import Provisioning

/// Applies whenever there is something to apply. While one apply runs, what arrives gathers in the mirror and is the
/// next one.
struct ApplyLoop: Sendable {
  let rack: Rack
  let applier: Applier
  private let meter = ApplyMeter()

  init(rack: Rack, applier: Applier) {
    self.rack = rack
    self.applier = applier
  }

  /// From one reload of the DHCP server to the next, at least. Every reload silences the whole rack for 60 ms and more
  /// and leaves memory behind, so edits that come one by one must not each cost one; 150 ms keep the silence under half
  /// of the time at 1,000 reservations and a thousand edits in a second at eight reloads. The first edit after a pause
  /// waits for nothing.
  static let reloadSpacing: Duration = .milliseconds(150)
  /// After a failure that is not in the rows: a full disk, a daemon that does not come up.
  static let retry = Backoff(base: .seconds(1), cap: .seconds(60))
  /// From an apply whose search for offenders ended at its bound to the next, which goes on with it.
  static let searchPause: Duration = .seconds(1)
  /// Above this many reservations a reload takes longer than an operator may expect.
  static let reservationsAdvised = 10_000

  /// Ends by cancellation.
  func run() async throws {
    var retry = Self.retry
    while true {
      let began = rack.time.elapsed
      let report = await applier.apply(links: rack.links, leaving: rack.change { $0.leaving })
      try Task.checkCancellation()
      take(report)
      if report.failure == nil, !report.mustRetry {
        retry.reset()
        if report.isUnfinished {
          await rack.applicable.wait(atMost: Self.searchPause, rack.time)
        } else {
          await rack.applicable.wait()
        }
      } else {
        await rack.applicable.wait(atMost: retry.next(random: rack.random()), rack.time)
      }
      try Task.checkCancellation()
      let rest = began + Self.reloadSpacing - rack.time.elapsed
      if report.didReload, rest > .zero { try await rack.time.sleep(for: rest) }
    }
  }

  private func take(_ report: ApplyReport) {
    meter.count(report)
    let now = rack.time.elapsed
    let content = rack.mirror.content
    let before = rack.change { state in
      let before = state.outbox.troubles
      var took: Duration = .zero
      for applied in report.served {
        let id = applied.subnet.dhcpID
        state.outbox.served[id] = applied
        if let since = state.waitingSince[id], report.failure == nil {
          took = max(took, now - since)
          // Unless something newer came in the meantime.
          let isNewest = content.subnets[id]?.received.generation == applied.subnet.generation
          state.waitingSince[id] = isNewest ? nil : now
        }
      }
      state.outbox.course.took = took
      state.outbox.course.silence = report.silence
      if !report.probe.isEmpty { state.outbox.course.probe = report.probe }
      for ended in report.ended {
        state.outbox.end(ended)
        if state.leaving[ended.dhcpID] == ended.epoch { state.leaving[ended.dhcpID] = nil }
      }
      state.outbox.troubles = report.troubles.merging(state.brokenFeeds) { first, _ in first }
      state.outbox.knowsTroubles = true
      return before
    }
    log(report)
    log(report.troubles, before: before, content)
    rack.sayable.raise()
  }

  /// An operator who is sent here by the region finds the same words.
  private func log(_ troubles: [DHCPSubnetID: Trouble], before: [DHCPSubnetID: Trouble], _ content: MirrorContent) {
    for (id, trouble) in troubles.sorted(by: { $0.key < $1.key }) where before[id] != trouble {
      rack.log.error(
        "not served",
        metadata: [
          "subnet": "\(content.subnets[id]?.name.text ?? "\(id)")", "code": "\(trouble.code.rawValue)",
          "why": "\(trouble.message)",
        ])
    }
    for id in before.keys.sorted() where troubles[id] == nil {
      rack.log.info("served again", metadata: ["subnet": "\(content.subnets[id]?.name.text ?? "\(id)")"])
    }
  }

  private func log(_ report: ApplyReport) {
    guard report.didReload else { return }
    rack.log.info(
      "applied",
      metadata: [
        "subnets": "\(report.served.map { "\($0.subnet.header.name)=\($0.subnet.generation)" }.joined(separator: " "))",
        "silence": "\(report.silence)", "probe": "\(report.probe)",
      ])
  }
}
