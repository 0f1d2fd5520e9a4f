/// What must hold at every moment of a simulated run: the design's promises, and the simulation's own.
package enum Invariant: String, Sendable, Hashable, CaseIterable {
  /// Promise 1: a mutation that was answered OK survives every crash of the region.
  case acknowledgedSurvives
  /// Promise 2: a mutation is answered within a bound that no agent has a part in.
  case mutationsWaitForNoAgent
  /// Promise 3: no DHCP server gives an address to a machine while a lease of another machine for it is in force.
  case oneMachinePerAddress
  /// Promise 3: of one subnet at most one DHCP server answers.
  case oneServerPerSubnet
  /// Promise 3: nobody serves a subnet at an epoch older than one that somebody served it at.
  case newestEpochServes
  /// Promise 5: what an agent has applied of a subnet never gets older.
  case appliedOnlyGrows
  /// Promise 5: once faults cease, every subnet is served as the region has it, within a bound.
  case convergence
  /// Promise 7: an operator's call ends with an answer that means something to them.
  case answersAreUnderstood
  /// Promise 5: once converged, a machine on its own link is given the address that the region says is its.
  case servedAsDesired
  /// Promise 8: an order to boot once is carried out once.
  case bootsOnce
  /// A machine that was told it is enlisted becomes a node, once.
  case enlistedSurvives
  /// Promise 9: what waits is bounded.
  case queuesAreBounded
  /// A part of a program ended by itself.
  case programsRun
  /// A killed process's tasks end when they are cancelled.
  case cleanEnd
  /// Nothing leaves the simulation's thread.
  case oneThread
  /// Nobody waits for time without letting it pass.
  case livelock
}

/// A promise that was broken, and when.
package struct Violation: Sendable, Hashable, CustomStringConvertible {
  package var invariant: Invariant
  /// On the virtual clock.
  package var time: Duration
  package var what: String

  package var description: String { "\(invariant.rawValue) at \(Trace.text(time)): \(what)" }
}
