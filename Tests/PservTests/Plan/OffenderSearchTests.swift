import Provisioning
import Testing

@testable import Pserv

/// Whom the search finds, and what it costs.
struct OffenderSearchTests {
  /// Runs a search against a checker that refuses by `refusal`; returns the outcome and the number of questions.
  private func search(
    _ desired: RackState, good: RackState, _ refusal: (RackState) -> String?
  ) -> (OffenderSearch.Outcome, Int) {
    var search = OffenderSearch(desired: desired, good: good)
    var questions = 0
    while let part = search.next() {
      questions += 1
      search.record(refusal(part).map { .refused($0) } ?? .accepted)
    }
    return (search.outcome, questions)
  }

  private func state(_ numbers: some Sequence<Int>, header: SubnetHeader = Sample.header()) -> RackState {
    RackState(subnets: [Sample.served(numbers.map { Sample.binding($0, in: header.dhcpID) }, header: header)])
  }

  private func holds(_ state: RackState, _ number: Int) -> Bool {
    state.subnets.contains { $0.binding(of: Sample.mac(number)) != nil }
  }

  @Test(arguments: [[17], [1], [500], [3, 4], [10, 250, 499]])
  func theOffendersAndNobodyElseAreFound(offenders: [Int]) {
    let (outcome, questions) = search(state(1...500), good: state([])) { part in
      offenders.contains { holds(part, $0) } ? "bad" : nil
    }
    guard case .found(let headers, let bindings) = outcome else { return #expect(Bool(false)) }
    #expect(headers.isEmpty)
    #expect(bindings.map(\.binding.mac) == offenders.map(Sample.mac))
    #expect(bindings.allSatisfy { $0.reason == RejectionReason(.refusedByServer, "bad") })
    #expect(questions <= OffenderSearch.questionsMax)
  }

  @Test func rowsThatServeAreNotSuspected() {
    let (_, questions) = search(state(1...1000), good: state(1...999)) { holds($0, 1000) ? "bad" : nil }
    #expect(questions <= 2)
  }

  @Test func ofTwoRowsThatOnlyTogetherAreWrongOneStays() {
    let (outcome, _) = search(state(1...8), good: state([])) { holds($0, 2) && holds($0, 7) ? "clash" : nil }
    guard case .found(_, let bindings) = outcome else { return #expect(Bool(false)) }
    #expect(bindings.map(\.binding.mac) == [Sample.mac(7)])
  }

  @Test func aBadHeaderHoldsItsSubnetOnly() {
    let other = Sample.header(Sample.hall2, prefix: "10.2.0.0/22", pool: nil, gateway: nil)
    let desired = RackState(subnets: [
      Sample.served([Sample.binding(1)], header: Sample.header(gateway: "10.1.0.99")),
      Sample.served([Sample.binding(2, in: Sample.hall2)], header: other),
    ])
    let (outcome, _) = search(desired, good: state([1])) { part in
      part[Sample.hall1]?.header.gateway == "10.1.0.99" ? "bad option" : nil
    }
    #expect(outcome == .found(headers: [Sample.hall1: "bad option"], bindings: []))
  }

  @Test func aCheckerThatRefusesWhatServesIsNotTheInputsFault() {
    let (outcome, questions) = search(state(1...9), good: state([1])) { _ in "no permission" }
    #expect(outcome == .baseRefused("no permission"))
    #expect(questions == 1)
  }

  @Test func atTheBoundWhatIsNotClearedStaysOutForNow() {
    let (outcome, questions) = search(state(1...1000), good: state([])) { part in
      (1...1000).contains { $0 % 2 == 0 && holds(part, $0) } ? "bad" : nil
    }
    guard case .found(_, let bindings) = outcome else { return #expect(Bool(false)) }
    #expect(questions == OffenderSearch.questionsMax)
    #expect(Set(bindings.map(\.reason.code)).isSubset(of: [.refusedByServer, .unresolved]))
    // No offender slipped through.
    #expect(Set(bindings.map(\.binding.mac)).isSuperset(of: stride(from: 2, through: 1000, by: 2).map(Sample.mac)))
  }
}
