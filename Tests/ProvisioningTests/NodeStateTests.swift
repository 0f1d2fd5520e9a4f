import Testing

@testable import Provisioning

@Suite struct NodeStateTests {
  @Test func aNodeLivesItsLife() throws {
    var state = NodeState.new
    #expect(try state.commission())
    #expect(try state.finishCommissioning())
    #expect(try state.acquire())
    #expect(try state.deploy())
    #expect(try state.finishDeploying())
    #expect(try state.release())
    #expect(try state.finishReleasing())
    #expect(state == .ready)
  }

  @Test func aRepeatedStepChangesNothing() throws {
    var state = NodeState.deploying
    #expect(try state.deploy() == false)
    state = .new
    #expect(try state.commission())
    #expect(try state.commission() == false)
  }

  /// It may serve by then, and to accept it gives it an address.
  @Test func aNodeIsAcceptedOnce() throws {
    var state = NodeState.new
    #expect(try state.accept())
    #expect(throws: NodeStateError(step: "be accepted", state: .ready)) { try state.accept() }
  }

  @Test func aFailedNodeRemembersWhatItFailedIn() throws {
    var state = NodeState.deploying
    #expect(try state.fail())
    #expect(state == .failed(during: .deploying))
    #expect(throws: NodeStateError(step: "be commissioned", state: state)) { try state.commission() }
    #expect(try state.deploy())
    #expect(throws: NodeStateError.self) { try state.acquire() }
    #expect(state == .deploying)
  }

  @Test func everyStateHasANumberOfItsOwn() {
    #expect(Set(NodeState.all.map(\.number)).count == NodeState.all.count)
    for state in NodeState.all { #expect(NodeState(number: state.number) == state) }
    #expect(NodeState(number: 0) == nil)
  }
}
