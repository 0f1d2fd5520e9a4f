import Provisioning
import Testing

@testable import Region

@Suite struct FieldTableTests {
  private func problems(_ paths: [String], _ request: SubnetDraft = .init()) -> [FieldProblem] {
    do {
      _ = try FieldTable.subnet.merge(request, paths: paths, into: .init(fabric: "default", prefix: "10.1.0.0/22"))
      return []
    } catch { return error.problems }
  }

  @Test func onlyTheFieldsOfTheMaskAreTaken() throws {
    let request = SubnetDraft(gateway: "10.1.0.1", domain: "new.example")
    let existing = SubnetDraft(name: "hall1", gateway: "10.1.0.2", domain: "old.example")
    let merged = try FieldTable.subnet.merge(request, paths: ["gateway"], into: existing)
    #expect(merged == SubnetDraft(name: "hall1", gateway: "10.1.0.1", domain: "old.example"))
  }

  @Test func theStarTakesAllThatCanBeSet() throws {
    let request = NodeDraft(name: "x", tags: ["gpu"], serial: "7XK2")
    let merged = try FieldTable.node.merge(request, paths: ["*"], into: .init(name: "r1n1", location: "h1"))
    #expect(merged == NodeDraft(name: "r1n1", tags: ["gpu"], serial: "7XK2"))
  }

  @Test func oneHalfOfTheBMCIsChangedAlone() throws {
    let request = NodeDraft(bmcAddress: "10.9.0.2")
    let existing = NodeDraft(bmcAddress: "10.9.0.1", bmcMAC: "52:54:00:ff:00:01")
    let merged = try FieldTable.node.merge(request, paths: ["bmc.address"], into: existing)
    #expect(merged == NodeDraft(bmcAddress: "10.9.0.2", bmcMAC: "52:54:00:ff:00:01"))
  }

  @Test func anUnknownFieldIsRefusedWithTheOneProbablyMeant() {
    #expect(
      problems(["gatway"]).map(\.description) == ["update_mask: gatway is not a field. Perhaps you mean 'gateway'."])
  }

  @Test func everyWrongPathIsNamed() {
    #expect(problems(["uid", "zzz", "prefix"]).map(\.code) == [.immutable, .fieldUnknown, .immutable])
  }

  @Test func anImmutableFieldMayBeRepeatedAsItIs() {
    #expect(problems(["prefix", "gateway"], .init(prefix: "10.1.0.0/22")).isEmpty)
  }

  @Test func anEmptyMaskAsksForFields() {
    #expect(problems([]).map(\.description) == ["update_mask: is empty. Name the fields to change, or '*' for all."])
  }

  @Test func aMaskOfThousandsIsRefused() {
    #expect(problems(Array(repeating: "gateway", count: 65)).map(\.code) == [.tooMany])
  }
}
