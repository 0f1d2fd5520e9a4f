import Provisioning
import Testing

@testable import Region

/// What an operator reads at three in the morning, word for word.
@Suite struct ExplainTests {
  static let now = Timestamp(seconds: 1_795_320_542)

  static func facts(_ change: (inout ExplainFacts) -> Void = { _ in }) -> ExplainFacts {
    var facts = ExplainFacts(
      now: now, node: "r1n42", macs: ["52:54:00:00:00:2a", "52:54:00:00:01:2a"],
      place: .init(
        subnet: "hall1", address: "10.1.0.42", vlan: 101, generation: Generation(812), poolSize: 100, poolUsed: 3),
      serving: .init(agent: "rack1", applied: Generation(812), lastSeen: now))
    change(&facts)
    return facts
  }

  private func expect(_ facts: ExplainFacts, _ code: String, _ why: String, _ fix: String) {
    let findings = facts.findings()
    #expect(findings.first?.code == code)
    #expect(findings.first?.why == why)
    #expect(findings.first?.fix == fix)
  }

  @Test func aServedNodeHasNoFindings() {
    #expect(Self.facts().findings().isEmpty)
  }

  @Test func aMissingKernelNamesFileAgentAndTheWayOut() {
    let facts = Self.facts {
      $0.missingFiles = [.init(role: .kernel, path: "rescue/vmlinuz")]
      $0.boot = [
        .init(stage: .script, time: Self.now.advanced(bySeconds: -9)),
        .init(
          stage: .kernel, time: Self.now.advanced(bySeconds: -8), isFailed: true,
          detail: "kernel rescue/vmlinuz: HTTP 404"),
      ]
      $0.failures = 3
    }
    expect(
      facts, "BOOT_FILE_MISSING", "kernel 'rescue/vmlinuz' is missing on rack1 (HTTP 404, 3 times)",
      "put it in rack1:/srv/muster/boot/rescue/, or 'muster node boot r1n42 local'")
    #expect(facts.findings().count == 1)
  }

  @Test func aMissingFileThatNobodyAskedForYetIsFoundAsWell() {
    expect(
      Self.facts { $0.missingFiles = [.init(role: .initrd, path: "initrd.gz")] }, "BOOT_FILE_MISSING",
      "initrd 'initrd.gz' is missing on rack1",
      "put it in rack1:/srv/muster/boot/, or 'muster node boot r1n42 local'")
  }

  @Test(arguments: ["/data/boot", "/data/boot/"]) func aMissingFileBelongsWhereTheAgentHasItsFiles(root: String) {
    let facts = Self.facts {
      $0.missingFiles = [.init(role: .kernel, path: "rescue/vmlinuz")]
      $0.serving?.bootRoot = root
    }
    #expect(
      facts.findings().first?.fix == "put it in rack1:/data/boot/rescue/, or 'muster node boot r1n42 local'")
  }

  @Test func aQuarantinedNodeComesWithTheWordsOfKea() {
    expect(
      Self.facts { $0.rejection = .init(code: "KEA", message: "failed to add new host: duplicate") }, "QUARANTINED",
      "quarantined by rack1: failed to add new host: duplicate",
      "correct it with 'muster node update r1n42'; the other nodes are served")
  }

  @Test func aSilentOwnerThatIsBehindIsNamedBeforeTheWait() {
    let facts = Self.facts {
      $0.serving = .init(
        agent: "rack1", applied: Generation(811), isOnline: false, lastSeen: Self.now.advanced(bySeconds: -240))
    }
    #expect(facts.findings().map(\.code) == ["OWNER_SILENT", "WAITING"])
    expect(
      facts, "OWNER_SILENT", "rack1 silent for 4m", "start muster-pserv on rack1; it will apply when it returns")
  }

  @Test func aSilentOwnerThatAppliedEverythingMayStillServe() {
    expect(
      Self.facts {
        $0.serving = .init(
          agent: "rack1", applied: Generation(812), isOnline: false, lastSeen: Self.now.advanced(bySeconds: -240))
      }, "OWNER_SILENT", "rack1 silent for 4m; if it still runs it serves generation 812",
      "look whether muster-pserv runs on rack1 and reaches the region")
  }

  @Test func anOwnerThatNeverCameIsSaidToBeSo() {
    expect(
      Self.facts { $0.serving = .init(agent: "rack1", applied: .zero, isOnline: false) }, "OWNER_SILENT",
      "rack1 was never online", "start muster-pserv on rack1; it will apply when it returns")
  }

  @Test func dhcpThatIsOffIsNamedWithTheCommandThatStartsIt() {
    expect(
      Self.facts { $0.place?.isDHCPEnabled = false }, "DHCP_OFF", "DHCP is off on hall1",
      "'muster subnet update hall1 --dhcp on'")
  }

  @Test func aForeignServerIsNamed() {
    expect(
      Self.facts {
        $0.serving?.trouble = .init(
          code: "FOREIGN_DHCP_SERVER", message: "DHCP server 10.1.0.254 already answers on eno2")
      }, "FOREIGN_DHCP_SERVER", "hall1 not served: DHCP server 10.1.0.254 already answers on eno2",
      "stop it, then 'muster subnet update hall1 --dhcp on'")
  }

  @Test func anyOtherTroubleOfTheSubnetKeepsItsReason() {
    expect(
      Self.facts { $0.serving?.trouble = .init(code: "NO_LINK", message: "eno2 is down") }, "NO_LINK",
      "rack1 does not serve hall1: eno2 is down", "see the log of muster-pserv on rack1")
  }

  @Test func aFullPoolOnlyMattersToADynamicAddress() {
    let full = Self.facts {
      $0.place?.poolUsed = 100
      $0.place?.address = nil
    }
    expect(
      full, "POOL_FULL", "the pool of hall1 is full (100 of 100 leased)",
      "widen it with 'muster subnet update hall1 --pool', or give the node a fixed address")
    let fixed = Self.facts { $0.place?.poolUsed = 100 }
    #expect(fixed.findings().isEmpty)
    let none = Self.facts {
      $0.place?.poolSize = 0
      $0.place?.poolUsed = 0
      $0.place?.address = nil
    }
    expect(
      none, "NO_POOL", "hall1 has no pool, and the node wants a dynamic address",
      "add one with 'muster subnet update hall1 --pool', or give the node a fixed address")
  }

  @Test func aHeldAddressNamesItsHolderAndTheTime() {
    expect(
      Self.facts {
        $0.hold = .init(address: "10.1.0.42", mac: "52:54:00:00:00:99", until: Timestamp(seconds: 1_795_320_542))
      }, "ADDRESS_HELD", "10.1.0.42 is held by 52:54:00:00:00:99 until 2026-11-22T04:09:02Z",
      "power that machine off and wait, or take the address at once with --force")
  }

  @Test func aNodeNobodySawIsAskedToBePoweredOn() {
    expect(
      Self.facts { $0.wasSeen = false }, "NO_DISCOVER",
      "no DISCOVER seen from any of its MACs (52:54:00:00:00:2a, 52:54:00:00:01:2a)",
      "power it on with network boot first, and check that its cable is in hall1 (VLAN 101)")
  }

  @Test func silenceOfTheMachineIsNoFindingWhileNobodyListens() {
    let facts = Self.facts {
      $0.wasSeen = false
      $0.place?.isDHCPEnabled = false
    }
    #expect(facts.findings().map(\.code) == ["DHCP_OFF"])
  }

  @Test func aCableInTheWrongSubnetIsFound() {
    expect(
      Self.facts {
        $0.wasSeen = false
        $0.sightings = [
          .init(
            mac: "52:54:00:00:00:2a", subnet: "stor1", agent: "rack2", time: Self.now.advanced(bySeconds: -120))
        ]
      }, "SEEN_ELSEWHERE", "52:54:00:00:00:2a was seen in stor1 by rack2 2m ago",
      "move the cable of 52:54:00:00:00:2a from stor1 to hall1, or the interface to stor1")
  }

  @Test func anOldSightingIsForgotten() {
    let facts = Self.facts {
      $0.sightings = [
        .init(
          mac: "52:54:00:00:00:2a", subnet: "stor1", agent: "rack2", time: Self.now.advanced(bySeconds: -100_000))
      ]
    }
    #expect(facts.findings().isEmpty)
  }

  @Test func aSubnetWithoutOwnerNamesTheAgentsItWasGiven() {
    expect(
      Self.facts { $0.serving = nil }, "NO_OWNER", "no agent can serve hall1",
      "name one with a link in it or behind its relay: 'muster subnet update hall1 --agents AGENT'")
    expect(
      Self.facts {
        $0.serving = nil
        $0.place?.agents = ["rack1", "rack2"]
      }, "NO_OWNER", "none of its agents (rack1, rack2) can serve hall1",
      "name one with a link in it or behind its relay: 'muster subnet update hall1 --agents AGENT'")
  }

  @Test func waitingNamesBothGenerations() {
    expect(
      Self.facts { $0.serving?.applied = Generation(811) }, "WAITING",
      "waiting for generation 812: rack1 has applied 811", "")
  }

  @Test func aNewNodeWantsToBeAccepted() {
    expect(
      Self.facts { $0.isNew = true }, "NOT_ACCEPTED", "r1n42 enlisted itself and is not accepted yet",
      "'muster node accept r1n42'")
  }

  @Test func aNodeWithoutAPlaceIsNotLookedAtFurther() {
    #expect(Self.facts { $0.macs = [] }.findings() == [.noInterface(node: "r1n42")])
    #expect(Self.facts { $0.place = nil }.findings() == [.notAttached(node: "r1n42")])
  }
}
