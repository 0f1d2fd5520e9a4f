import Provisioning
import Testing

@testable import Pserv

/// What should be served, and what must not be.
struct DesiredRackTests {
  private func content(_ subnets: [MirroredSubnet]) -> MirrorContent {
    var content = MirrorContent()
    for subnet in subnets { content.subnets[subnet.dhcpID] = subnet }
    return content
  }

  private func owned(_ bindings: [Binding], header: SubnetHeader = Sample.header()) -> MirroredSubnet {
    var subnet = MirroredSubnet(dhcpID: header.dhcpID, name: header.name, epochMax: Epoch(1), isOwned: true)
    subnet.received.header = header
    subnet.received.headerGeneration = Generation(1)
    subnet.received.generation = Generation(3)
    subnet.received.bindings = bindings.sorted { $0.mac < $1.mac }
    return subnet
  }

  @Test func everyRuleTakesOutItsRowAndNoOther() {
    let wrong: [(Binding, RejectionReason.Code)] = [
      (Sample.binding(1, address: "10.2.0.1"), .addressOutsideSubnet),
      (Sample.binding(2, address: "10.1.0.0"), .addressReserved),
      (Sample.binding(3, address: "10.1.3.255"), .addressReserved),
      (Sample.binding(4, address: "10.1.0.254"), .addressReserved),
      (Sample.binding(5, address: Sample.agent), .addressReserved),
      (Sample.binding(6, address: "10.1.3.50"), .addressInPool),
      (Sample.binding(8, address: "10.1.0.7"), .addressTaken),
    ]
    let desired = DesiredRack(content([owned(wrong.map(\.0) + [Sample.binding(7)])]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.bindings == [Sample.binding(7)])
    #expect(desired.rejected[Sample.hall1]?.map(\.reason.code) == wrong.map(\.1))
    #expect(desired.rejected[Sample.hall1]?.map(\.binding) == wrong.map(\.0))
  }

  /// Not only the address by which it serves: the second one of the link, and those of other links of the fabric.
  @Test func everyAddressOfTheHostItselfIsTakenFromItsReservations() {
    let addresses = [LinkAddress(address: Sample.agent, prefixLength: 22), LinkAddress(address: "10.1.0.5", prefixLength: 22)]
    let links = RackLinks(
      [
        LinkState(interface: "eno2", isUp: true, addresses: addresses),
        LinkState(interface: "eno4", isUp: false, addresses: [LinkAddress(address: "10.1.0.6", prefixLength: 32)]),
        LinkState(interface: "eno5", isUp: true, addresses: [LinkAddress(address: "10.1.0.7", prefixLength: 24)]),
      ], fabrics: ["eno2": .default, "eno4": .default, "eno5": "lab"])
    let desired = DesiredRack(content([owned((4...8).map { Sample.binding($0) })]), links: links)
    #expect(desired.rejected[Sample.hall1]?.map(\.binding.mac) == [Sample.mac(5), Sample.mac(6)])
    #expect(desired.rejected[Sample.hall1]?.first?.reason.words == "10.1.0.5 is the agent's own address in hall1")
    #expect(desired.state[Sample.hall1]?.bindings.count == 3)
    let pool = owned([], header: Sample.header(pool: "10.1.0.4-10.1.0.6"))
    #expect(DesiredRack(content([pool]), links: links).troubles[Sample.hall1]?.code == .poolHasOwnAddress)
  }

  @Test func whoIsServedAnAddressKeepsIt() {
    var subnet = owned([Sample.binding(1, address: "10.1.0.9"), Sample.binding(2, address: "10.1.0.9")])
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([Sample.binding(2, address: "10.1.0.9")]), incarnation: [], digest: .zero,
      headerGeneration: .zero, rejected: [], leasesLeft: [])
    let desired = DesiredRack(content([subnet]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.bindings.map(\.mac) == [Sample.mac(2)])
  }

  @Test func aSubnetWithoutALinkIsNotAnswered() {
    let desired = DesiredRack(content([owned([])]), links: RackLinks([], fabrics: [:]))
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
    #expect(desired.troubles[Sample.hall1]?.code == .noLink)
  }

  @Test func aServedLinkThatGoesDownKeepsItsConfigurationAndIsReported() {
    var subnet = owned([])
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([]), incarnation: [], digest: .zero, headerGeneration: .zero, rejected: [], leasesLeft: [])
    let desired = DesiredRack(content([subnet]), links: Sample.links(down: "eno2"))
    #expect(desired.state[Sample.hall1]?.answersDHCP == true)
    #expect(desired.troubles[Sample.hall1]?.code == .noLink)
  }

  @Test func aLinkThatIsDownAtItsFirstStartStaysOffAndTheOthersAreServed() {
    let other = owned([], header: Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil))
    let desired = DesiredRack(content([owned([]), other]), links: Sample.links(down: "eno2"))
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
    #expect(
      desired.troubles[Sample.hall1]
        == Trouble(
          .noLink, "interface eno2 is down. DHCP starts when it comes up and no other DHCP server answers there"))
    #expect(desired.state[Sample.hall2]?.answersDHCP == true)
    #expect(desired.troubles[Sample.hall2] == nil)
  }

  @Test func aLinkThatCouldNotBeSearchedStaysOffUnlessItIsServedAlready() {
    var subnet = owned([])
    let unchecked = ["eno2": "sendto: Network is down"]
    var desired = DesiredRack(content([subnet]), links: Sample.links, unchecked: unchecked)
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
    #expect(desired.troubles[Sample.hall1]?.message.contains("Network is down") == true)
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([]), incarnation: [], digest: .zero, headerGeneration: .zero, rejected: [], leasesLeft: [])
    desired = DesiredRack(content([subnet]), links: Sample.links, unchecked: unchecked)
    #expect(desired.state[Sample.hall1]?.answersDHCP == true)
  }

  @Test func anInterfaceOfAnotherFabricIsNoLink() {
    let lab = RackLinks(
      [LinkState(interface: "eno2", isUp: true, addresses: [LinkAddress(address: Sample.agent, prefixLength: 22)])],
      fabrics: ["eno2": "lab"])
    #expect(DesiredRack(content([owned([])]), links: lab).state[Sample.hall1]?.attachment == nil)
  }

  @Test func aForeignServerKeepsTheSubnetOffUntilTheHeaderChanges() {
    var subnet = owned([])
    subnet.block = ForeignBlock(server: "10.1.0.254", headerGeneration: Generation(1))
    var desired = DesiredRack(content([subnet]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
    #expect(
      desired.troubles[Sample.hall1]
        == Trouble(
          .foreignServer,
          "DHCP server 10.1.0.254 already answers on eno2. Stop it, then 'muster subnet update hall1 --dhcp on'."))
    subnet.received.headerGeneration = Generation(2)
    desired = DesiredRack(content([subnet]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.answersDHCP == true)
  }

  @Test func aPoolWithTheAgentsOwnAddressIsNotServed() {
    let header = Sample.header(pool: "10.1.2.240-10.1.2.255")
    let desired = DesiredRack(content([owned([], header: header)]), links: Sample.links)
    #expect(desired.troubles[Sample.hall1]?.code == .poolHasOwnAddress)
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
  }

  @Test func ofTwoOverlappingSubnetsTheFirstIsServed() {
    let inside = Sample.header(Sample.hall2, prefix: "10.1.1.0/24", pool: nil, gateway: nil, relays: ["10.1.1.1"])
    let desired = DesiredRack(content([owned([]), owned([], header: inside)]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.answersDHCP == true)
    #expect(desired.troubles[Sample.hall2]?.code == .prefixOverlap)
  }

  private func serving(_ subnet: MirroredSubnet, header: SubnetHeader = Sample.header()) -> MirroredSubnet {
    var subnet = subnet
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([Sample.binding(1)], header: header), incarnation: [], digest: .zero, headerGeneration: .zero,
      rejected: [], leasesLeft: [])
    return subnet
  }

  @Test func aServedSubnetWhosePoolGrowsOverTheAgentsAddressStaysAsItIsAndTheOthersGoOn() {
    let mistaken = serving(owned([Sample.binding(1)], header: Sample.header(pool: "10.1.2.240-10.1.2.255")))
    let other = owned([], header: Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil))
    let desired = DesiredRack(content([mistaken, other]), links: Sample.links)
    #expect(desired.troubles[Sample.hall1]?.code == .poolHasOwnAddress)
    #expect(desired.troubles[Sample.hall1]?.message.hasSuffix("What was applied before serves on") == true)
    #expect(desired.state[Sample.hall1] == mistaken.applied?.subnet)
    #expect(desired.facts[Sample.hall1] == nil, "the new generation is not applied")
    #expect(desired.state[Sample.hall2]?.answersDHCP == true)
    #expect(desired.facts[Sample.hall2] != nil)
  }

  /// Then the mistake is in what serves too: the host got an address that its machines may be given.
  @Test func aServedPoolThatHoldsTheAgentsNewAddressIsOff() {
    let header = Sample.header(pool: "10.1.2.240-10.1.2.255")
    let desired = DesiredRack(content([serving(owned([], header: header), header: header)]), links: Sample.links)
    #expect(desired.troubles[Sample.hall1]?.code == .poolHasOwnAddress)
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
  }

  @Test func aSubnetThatIsServedKeepsItsAddressesFromANewOneWithALowerNumber() {
    let header = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let served = serving(owned([], header: header), header: header)
    let new = owned([], header: Sample.header(prefix: "10.2.1.0/24", pool: nil, gateway: nil, relays: ["10.2.1.1"]))
    var desired = DesiredRack(content([new, served]), links: Sample.links)
    #expect(desired.state[Sample.hall2]?.answersDHCP == true)
    #expect(desired.troubles[Sample.hall2] == nil)
    #expect(desired.state[Sample.hall1]?.answersDHCP == false)
    #expect(desired.troubles[Sample.hall1]?.code == .prefixOverlap)
    // One that is served itself, and is moved onto the other, stays where it was.
    desired = DesiredRack(content([serving(new), served]), links: Sample.links)
    #expect(desired.state[Sample.hall1]?.header == Sample.header())
    #expect(desired.state[Sample.hall1]?.answersDHCP == true)
    #expect(desired.troubles[Sample.hall1]?.code == .prefixOverlap)
  }

  @Test func aRevokedSubnetEnds() {
    var subnet = owned([Sample.binding(1)])
    subnet.isOwned = false
    let desired = DesiredRack(content([subnet]), links: Sample.links)
    #expect(desired.state.subnets.isEmpty)
    #expect(desired.ended == [Sample.hall1])
  }

  @Test func theQuarantineHoldsUntilTheRowOrTheHeaderChanges() {
    var subnet = owned([Sample.binding(1), Sample.binding(2)])
    subnet.applied = AppliedSubnet(
      subnet: Sample.served([Sample.binding(1)]), incarnation: [], digest: .zero, headerGeneration: .zero,
      rejected: [RejectedBinding(binding: Sample.binding(2), reason: RejectionReason(.refusedByServer, "no"))],
      leasesLeft: [])
    #expect(DesiredRack(content([subnet]), links: Sample.links).state[Sample.hall1]?.bindings == [Sample.binding(1)])
    subnet.received.bindings = [Sample.binding(1), Sample.binding(2, address: "10.1.0.77")]
    #expect(DesiredRack(content([subnet]), links: Sample.links).state[Sample.hall1]?.bindings.count == 2)
    subnet.received.bindings = [Sample.binding(1), Sample.binding(2)]
    subnet.received.header = Sample.header(gateway: nil)
    #expect(DesiredRack(content([subnet]), links: Sample.links).state[Sample.hall1]?.bindings.count == 2)
  }
}
