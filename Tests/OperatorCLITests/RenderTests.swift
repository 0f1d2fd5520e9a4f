import RPC
import Testing
import Wire

@testable import OperatorCLI

/// 2026-11-22T03:11:11Z
let now: Int64 = 1_795_317_071_000_000_000

func ago(_ seconds: Int64) -> GoogleProtobuf.Timestamp {
  GoogleProtobuf.Timestamp(nanosecondsSince1970: now - seconds * 1_000_000_000)
}

@Suite struct StatusRendering {
  private func agent(_ name: String, nodes: UInt64, seen: Int64) -> MusterV1.Agent {
    var agent = MusterV1.Agent()
    agent.name = name
    agent.state = .online
    agent.subnets = 1
    agent.nodes = nodes
    agent.lastSeenTime = ago(seen)
    return agent
  }

  private var status: MusterV1.GetStatusResponse {
    var status = MusterV1.GetStatusResponse()
    status.version = "0.1.0"
    status.startTime = ago(71)
    status.healthy = true
    status.subnets = 2
    status.subnetsServed = 2
    status.nodes = 1001
    status.nodesServed = 1000
    status.nodesNew = 1
    status.agents = [agent("rack1", nodes: 501, seen: 2), agent("rack2", nodes: 500, seen: 1)]
    return status
  }

  @Test func aHealthyRegionReadsAsTheReferenceShows() {
    let text = StatusReport(status: status, region: "127.0.0.1:7610", now: now).text(color: false)
    #expect(
      text == """
        REGION    127.0.0.1:7610  healthy  0.1.0  up 1m
        SUBNETS   2: 2 served
        NODES     1001: 1000 served, 1 new
        PROBLEMS  none

        AGENT  STATE   SUBNETS  BEHIND  LAG  NODES  SEEN
        rack1  online  1        0       0s   501    2s
        rack2  online  1        0       0s   500    1s

        """)
  }

  @Test func whatIsBehindIsNotCalledNotServed() {
    var busy = status
    (busy.subnetsServed, busy.subnetsBehind, busy.changesBehind) = (1, 1, 12)
    (busy.nodesServed, busy.nodesBehind) = (988, 12)
    var text = StatusReport(status: busy, region: "r:1", now: now).text(color: false)
    #expect(text.contains("SUBNETS   2: 1 served, 1 behind (12 changes to apply)\n"))
    #expect(text.contains("NODES     1001: 988 served, 12 behind, 1 new\n"))
    busy.changesBehind = 1
    text = StatusReport(status: busy, region: "r:1", now: now).text(color: false)
    #expect(text.contains("1 behind (1 change to apply)"))
  }

  @Test func problemsNameTheirSubjectAndTheWayOut() {
    var sick = status
    sick.healthy = false
    sick.subnetsServed = 1
    var problem = MusterV1.Problem()
    problem.subject = "subnet/hall2"
    problem.message = "rack2 silent for 4m"
    problem.fix = "look at its host"
    sick.problems = [problem]
    let text = StatusReport(status: sick, region: "r:1", now: now).text(color: false)
    #expect(text.contains("REGION    r:1  unhealthy  0.1.0  up 1m\n"))
    #expect(text.contains("SUBNETS   2: 1 served, 1 not served\n"))
    #expect(text.contains("PROBLEMS  subnet/hall2: rack2 silent for 4m; look at its host\n"))
  }

  @Test func colourNeverChangesTheWords() {
    let report = StatusReport(status: status, region: "r:1", now: now)
    var stripped = report.text(color: true)
    for code in ["\u{1B}[32m", "\u{1B}[33m", "\u{1B}[31m", "\u{1B}[0m"] {
      stripped = stripped.split(separator: code, omittingEmptySubsequences: false).joined()
    }
    #expect(stripped == report.text(color: false))
  }
}

@Suite struct ListRendering {
  @Test func subnetsReadAsTheReferenceShows() {
    func subnet(_ name: String, _ prefix: String, _ owner: String, used: UInt64, nodes: UInt64) -> MusterV1.Subnet {
      var status = MusterV1.SubnetStatus()
      status.owner = owner
      status.epoch = 1
      status.head = 2
      status.applied = 2
      status.poolSize = 100
      status.poolUsed = used
      status.nodes = nodes
      var subnet = MusterV1.Subnet()
      subnet.name = name
      subnet.prefix = prefix
      subnet.dhcpEnabled = true
      subnet.status = status
      return subnet
    }
    let table = SubnetTable.table([
      subnet("hall1", "10.1.0.0/22", "rack1", used: 3, nodes: 501),
      subnet("hall2", "10.2.0.0/22", "rack2", used: 1, nodes: 500),
    ])
    #expect(
      table.text(color: false) == """
        SUBNET  PREFIX       OWNER  EPOCH  HEAD  APPLIED  DHCP  POOL   NODES
        hall1   10.1.0.0/22  rack1  1      2     2        on    3/100  501
        hall2   10.2.0.0/22  rack2  1      2     2        on    1/100  500

        """)
  }

  @Test func aNewNodeReadsAsTheReferenceShows() {
    var interface = MusterV1.NetworkInterface()
    interface.mac = "52:54:00:aa:bb:01"
    interface.subnet = "hall1"
    interface.address = "10.1.3.7"
    var status = MusterV1.NodeStatus()
    status.agent = "rack1"
    var node = MusterV1.Node()
    node.name = "new-525400aabb01"
    node.state = .new
    node.interfaces = [interface]
    node.serial = "7XK2"
    node.status = status
    node.createTime = ago(190)
    #expect(
      NodeTable.table([node], now: now).text(color: false) == """
        NAME              STATE  SUBNET  ADDRESS   MAC                SERIAL  AGENT  AGE
        new-525400aabb01  New    hall1   10.1.3.7  52:54:00:aa:bb:01  7XK2    rack1  3m

        """)
  }

  @Test func whatIsUnsetIsADash() {
    let text = NodeTable.table([MusterV1.Node()], now: now).text(color: false)
    #expect(text.split(separator: "\n")[1] == "-     -      -       -        -    -       -      -")
  }
}

@Suite struct ExplainRendering {
  @Test func aNodeThatDoesNotBootReadsAsTheReferenceShows() {
    var interface = MusterV1.NetworkInterface()
    interface.subnet = "hall1"
    interface.address = "10.1.0.42"
    var status = MusterV1.NodeStatus()
    status.agent = "rack1"
    status.epoch = 4
    status.head = 812
    status.applied = 812
    var node = MusterV1.Node()
    node.name = "r1n42"
    node.state = .ready
    node.interfaces = [interface]
    node.status = status
    var response = MusterV1.ExplainNodeResponse()
    response.node = node
    response.why = ["kernel 'rescue/vmlinuz' is missing on rack1 (HTTP 404, 3 times)"]
    response.fix = ["put it in rack1:/srv/muster/boot/rescue/, or 'muster node boot r1n42 local'"]
    response.actor = "ops1"
    response.changeTime = ago(360)
    response.leaseAddress = "10.1.0.42"
    response.leaseUntil = GoogleProtobuf.Timestamp(nanosecondsSince1970: 1_795_320_542_000_000_000)
    func step(_ stage: MusterV1.BootStage, _ seconds: Int64, failed: Bool = false) -> MusterV1.BootStep {
      var step = MusterV1.BootStep()
      step.stage = stage
      step.time = GoogleProtobuf.Timestamp(nanosecondsSince1970: (1_795_316_942 + seconds) * 1_000_000_000)
      step.failed = failed
      return step
    }
    response.boot = [step(.discover, 0), step(.ack, 0), step(.loader, 2), step(.script, 7), step(.kernel, 8, failed: true)]
    #expect(
      ExplainReport(response: response, now: now).text(color: false) == """
        node/r1n42  Ready  NOT BOOTING
        why   kernel 'rescue/vmlinuz' is missing on rack1 (HTTP 404, 3 times)
        fix   put it in rack1:/srv/muster/boot/rescue/, or 'muster node boot r1n42 local'

        wanted   hall1 10.1.0.42  generation 812  by ops1  2026-11-22T03:05:11Z (6m)
        applied  generation 812 on rack1, epoch 4
        lease    10.1.0.42 until 2026-11-22T04:09:02Z
        boot     discover 03:09:02  ack 03:09:02  loader 03:09:04  script 03:09:09  kernel FAILED 03:09:10

        """)
  }
}

extension ListRendering {
  @Test func aFileThatAnAgentLacksIsSaidToBeMissing() {
    var profile = MusterV1.BootProfile(name: "rescue", kind: .kernel, kernel: "rescue/vmlinuz")
    profile.files = [
      .init(agent: "rack1", path: "rescue/vmlinuz", sha256: "ab12", sizeBytes: 6_000_000),
      .init(agent: "rack2", path: "rescue/vmlinuz"),
    ]
    let text = BootDetails(profile: profile).text(color: false)
    #expect(text.hasPrefix("name       rescue\n"))
    #expect(
      text.hasSuffix("""

        AGENT  FILE            OCTETS   SHA256
        rack1  rescue/vmlinuz  6000000  ab12
        rack2  rescue/vmlinuz  -        missing

        """))
  }
}

extension ExplainRendering {
  @Test func oneWayOutOfSeveralFindingsIsSaidOnce() {
    var response = MusterV1.ExplainNodeResponse()
    response.why = ["kernel 'rescue/vmlinuz' is missing on rack1", "initrd 'rescue/initrd' is missing on rack1"]
    response.fix = ["put it there", "put it there"]
    let lines = ExplainReport(response: response, now: now).text(color: false).split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("why ") } == 2)
    #expect(lines.count { $0.hasPrefix("fix ") } == 1)
  }
}

@Suite struct WaitRendering {
  @Test(arguments: [
    ("rack1", "rack1 silent for 4m", "rack1 silent for 4m. It will apply when rack1 returns"),
    ("rack1", "rack1 is applying, at generation 812", "rack1 is applying, at generation 812. It will apply as soon as rack1 can"),
    ("", "no agent can serve hall1", "no agent can serve hall1. It will apply when an agent serves hall1"),
  ])
  func aWaitThatTimesOutSaysWhyAndWhenItEnds(agent: String, detail: String, words: String) {
    let progress = WaitProgress([.init(subnet: "hall1", generation: 813)])
    progress.note(.init(subnet: "hall1", generation: 813, agent: agent, detail: detail))
    let failure = progress.failure(after: DurationArgument(seconds: 60))
    #expect(failure.status == .waitTimedOut)
    #expect(
      failure.message
        == "generation 813 of hall1 is saved but not applied after 60s: \(words); do not repeat the command.")
  }
}

@Suite struct ErrorRendering {
  private func problem(_ field: String, _ value: String, _ message: String, _ fix: String) -> MusterV1.FieldProblem {
    var problem = MusterV1.FieldProblem()
    problem.field = field
    problem.value = value
    problem.message = message
    problem.fix = fix
    return problem
  }

  @Test func aFieldProblemNamesFieldValueAndWayOut() {
    let shown = ErrorReport.sentence(
      problem(
        "interfaces[0].address", "10.1.3.10", "is inside the pool of hall1 (10.1.3.0-10.1.3.99)",
        "choose another address or 'auto'"))
    #expect(
      shown
        == "interfaces[0].address: 10.1.3.10 is inside the pool of hall1 (10.1.3.0-10.1.3.99). Choose another address or 'auto'.")
  }

  @Test func aRegionThatIsNotThereIsNamedWithTheWayOut() {
    // A channel says which of its addresses it means; the sentence has said it.
    for words in ["connection refused", "connection refused (10.0.0.5:7610)"] {
      let failure = ErrorReport(RPCError(.unavailable, words), region: "10.0.0.5:7610").failure
      let sentence =
        "cannot reach region 10.0.0.5:7610: connection refused. Is muster-region running there? "
        + "Set another with --region or MUSTER_REGION."
      #expect(failure.status == .unreachable)
      #expect(failure.message == sentence)
      #expect(failure.json?.text == #"{"error":{"code":"UNAVAILABLE","message":"\#(sentence)"}}"#)
    }
  }

  @Test(arguments: [
    (StatusCode.notFound, CommandStatus.notFound), (.aborted, .stale), (.invalidArgument, .invalidData),
    (.unavailable, .unreachable), (.unauthenticated, .unreachable), (.failedPrecondition, .refused),
    (.permissionDenied, .refused),
  ])
  func exitStatusesFollowTheCode(_ code: StatusCode, _ status: CommandStatus) {
    #expect(ErrorReport.status(of: RPCError(code)) == status)
  }
}
