/// Where a node stands in its life, in the words of MAAS.
package enum NodeState: Hashable, Sendable {
  /// It enlisted; no operator has looked at it.
  case new
  case commissioning
  /// Known and idle.
  case ready
  /// Somebody has it.
  case allocated
  case deploying
  case deployed
  case releasing
  case failed(during: Work)

  /// The work a node can fail in.
  package enum Work: UInt8, Hashable, Sendable, CaseIterable {
    case commissioning = 1
    case deploying = 2
    case releasing = 3
  }
}

extension NodeState {
  package static let all: [NodeState] =
    [.new, .commissioning, .ready, .allocated, .deploying, .deployed, .releasing]
    + Work.allCases.map { .failed(during: $0) }

  /// The word operators read: "Ready", "Failed".
  package var word: String {
    switch self {
    case .new: "New"
    case .commissioning: "Commissioning"
    case .ready: "Ready"
    case .allocated: "Allocated"
    case .deploying: "Deploying"
    case .deployed: "Deployed"
    case .releasing: "Releasing"
    case .failed: "Failed"
    }
  }

  /// A stable number for stores and counters; states that failed in different work differ.
  package var number: UInt8 {
    switch self {
    case .new: 1
    case .commissioning: 2
    case .ready: 3
    case .allocated: 4
    case .deploying: 5
    case .deployed: 6
    case .releasing: 7
    case .failed(let work): 8 + work.rawValue << 4
    }
  }

  package init?(number: UInt8) {
    guard let state = Self.all.first(where: { $0.number == number }) else { return nil }
    self = state
  }
}

/// A step that the node's state does not allow. The node is as it was.
package struct NodeStateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was asked, as a verb: "deploy".
  package var step: String
  package var state: NodeState

  package var description: String { "a node that is \(state.word) cannot \(step)" }
}

/// The transitions. Each returns whether anything changed: to repeat a step is harmless, since
/// reports arrive more than once.
extension NodeState {
  /// An operator takes an enlisted machine as it is; once, for a ready one may serve already.
  @discardableResult
  package mutating func accept() throws(NodeStateError) -> Bool {
    switch self {
    case .new: move(to: .ready)
    case .ready, .commissioning, .allocated, .deploying, .deployed, .releasing, .failed:
      throw NodeStateError(step: "be accepted", state: self)
    }
  }

  @discardableResult
  package mutating func commission() throws(NodeStateError) -> Bool {
    switch self {
    case .new, .ready, .failed(during: .commissioning): move(to: .commissioning)
    case .commissioning: false
    case .allocated, .deploying, .deployed, .releasing, .failed:
      throw NodeStateError(step: "be commissioned", state: self)
    }
  }

  @discardableResult
  package mutating func finishCommissioning() throws(NodeStateError) -> Bool {
    switch self {
    case .commissioning: move(to: .ready)
    case .ready: false
    case .new, .allocated, .deploying, .deployed, .releasing, .failed:
      throw NodeStateError(step: "finish commissioning", state: self)
    }
  }

  @discardableResult
  package mutating func acquire() throws(NodeStateError) -> Bool {
    switch self {
    case .ready: move(to: .allocated)
    case .new, .commissioning, .allocated, .deploying, .deployed, .releasing, .failed:
      throw NodeStateError(step: "be acquired", state: self)
    }
  }

  @discardableResult
  package mutating func deploy() throws(NodeStateError) -> Bool {
    switch self {
    case .allocated, .failed(during: .deploying): move(to: .deploying)
    case .deploying: false
    case .new, .commissioning, .ready, .deployed, .releasing, .failed:
      throw NodeStateError(step: "be deployed", state: self)
    }
  }

  @discardableResult
  package mutating func finishDeploying() throws(NodeStateError) -> Bool {
    switch self {
    case .deploying: move(to: .deployed)
    case .deployed: false
    case .new, .commissioning, .ready, .allocated, .releasing, .failed:
      throw NodeStateError(step: "finish deploying", state: self)
    }
  }

  @discardableResult
  package mutating func release() throws(NodeStateError) -> Bool {
    switch self {
    case .allocated, .deploying, .deployed, .failed(during: .deploying), .failed(during: .releasing):
      move(to: .releasing)
    case .releasing: false
    case .new, .commissioning, .ready, .failed(during: .commissioning):
      throw NodeStateError(step: "be released", state: self)
    }
  }

  @discardableResult
  package mutating func finishReleasing() throws(NodeStateError) -> Bool {
    switch self {
    case .releasing: move(to: .ready)
    case .ready: false
    case .new, .commissioning, .allocated, .deploying, .deployed, .failed:
      throw NodeStateError(step: "finish releasing", state: self)
    }
  }

  /// The work in progress failed.
  @discardableResult
  package mutating func fail() throws(NodeStateError) -> Bool {
    switch self {
    case .commissioning: move(to: .failed(during: .commissioning))
    case .deploying: move(to: .failed(during: .deploying))
    case .releasing: move(to: .failed(during: .releasing))
    case .failed: false
    case .new, .ready, .allocated, .deployed: throw NodeStateError(step: "fail", state: self)
    }
  }

  private mutating func move(to state: NodeState) -> Bool {
    self = state
    return true
  }
}
