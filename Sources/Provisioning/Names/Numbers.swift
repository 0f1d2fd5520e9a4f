/// Nanoseconds since 1970-01-01 UTC, leap seconds not counted.
package struct Timestamp: Hashable, Sendable, Comparable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  package init(seconds: Int64) {
    nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
  }

  package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Saturates at the ends of time.
  package func advanced(bySeconds seconds: Int64) -> Timestamp {
    let (delta, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, over) = nanoseconds.addingReportingOverflow(delta)
    return Timestamp(nanoseconds: tooFar || over ? (seconds < 0 ? .min : .max) : sum)
  }
}

/// The permanent number of a subnet, 1 to 4294967294, never given to another subnet: Kea writes it
/// into every lease.
package struct DHCPSubnetID: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let number: UInt32

  package static let first = DHCPSubnetID(number: 1)
  /// The highest number Kea takes.
  package static let numberMax: UInt32 = 4_294_967_294

  package init(number: UInt32) {
    self.number = number
  }

  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// Counts the committed changes of one subnet's feed. 0 is before the first change.
package struct Generation: Hashable, Sendable, Comparable, CustomStringConvertible {
  package var number: UInt64

  package static let zero = Generation(0)

  package init(_ number: UInt64) {
    self.number = number
  }

  package var next: Generation { Generation(number + 1) }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// Counts the owners of one subnet. 0 is before the first owner.
package struct Epoch: Hashable, Sendable, Comparable, CustomStringConvertible {
  package var number: UInt64

  package static let zero = Epoch(0)

  package init(_ number: UInt64) {
    self.number = number
  }

  package var next: Epoch { Epoch(number + 1) }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// Counts the changes of one resource, from 1; compared before a write that names it.
package struct Revision: Hashable, Sendable, Comparable, CustomStringConvertible {
  package var number: UInt64

  package static let zero = Revision(0)

  package init(_ number: UInt64) {
    self.number = number
  }

  package var next: Revision { Revision(number + 1) }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// One life of the database, drawn at random. A restored database draws another, so that
/// generations it gives out again are not taken for the old ones.
package struct Incarnation: Hashable, Sendable, CustomStringConvertible {
  package let bits: UInt128

  package init(bits: UInt128) {
    self.bits = bits
  }

  package var description: String { uuidText(bits) }
}

/// Counts the sessions of one agent; only the newest may write.
package struct SessionEpoch: Hashable, Sendable, Comparable, CustomStringConvertible {
  package var number: UInt64

  package static let zero = SessionEpoch(0)

  package init(_ number: UInt64) {
    self.number = number
  }

  package var next: SessionEpoch { SessionEpoch(number + 1) }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// One start of an agent's process or machine, drawn at random by the agent.
package struct BootID: Hashable, Sendable, CustomStringConvertible {
  package let bits: UInt128

  package init(bits: UInt128) {
    self.bits = bits
  }

  package var description: String { uuidText(bits) }
}

/// A generation of one subnet: what a mutation created and what `--wait` waits for.
package struct SubnetGeneration: Hashable, Sendable {
  package var subnet: SubnetName
  package var dhcpID: DHCPSubnetID
  package var generation: Generation

  package init(subnet: SubnetName, dhcpID: DHCPSubnetID, generation: Generation) {
    self.subnet = subnet
    self.dhcpID = dhcpID
    self.generation = generation
  }
}
