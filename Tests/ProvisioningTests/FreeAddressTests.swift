import Testing

@testable import Provisioning

@Suite struct FreeAddressTests {
  private func facts(_ prefix: IPv4Prefix, gateway: IPv4Address?, pool: AddressPool) -> SubnetFacts {
    SubnetFacts(
      Subnet(
        id: SubnetID(bits: 1), dhcpID: .first,
        spec: SubnetSpec(name: "s", prefix: prefix, gateway: gateway, pool: pool), revision: Revision(1),
        created: Timestamp(seconds: 0), updated: Timestamp(seconds: 0), updatedBy: .local))
  }

  /// Whatever is taken, the search gives what looking at every address in order would give.
  @Test(arguments: 1...40 as ClosedRange<UInt64>) func itFindsWhatAPlainWalkFinds(seed: UInt64) {
    var random = Seeded(state: seed)
    let facts = facts("10.0.0.0/24", gateway: "10.0.0.1", pool: ["10.0.0.100-10.0.0.119", "10.0.0.200-10.0.0.209"])
    let taken = Set(
      (0..<Int.random(in: 0...230, using: &random)).map { _ in
        IPv4Address(bits: 0x0a00_0000 + UInt32.random(in: 0...255, using: &random))
      })
    let free = (0x0a00_0000...0x0a00_00ff as ClosedRange<UInt32>).map(IPv4Address.init(bits:)).filter { address in
      !taken.contains(address) && facts.problem(reserving: address, field: "") == nil
    }
    let pieceSize = Int.random(in: 1...9, using: &random)
    func read(_ from: IPv4Address) -> FreeAddressSearch.Piece {
      let rest = taken.filter { $0 >= from }.sorted()
      let piece = Array(rest.prefix(pieceSize))
      return FreeAddressSearch.Piece(
        taken: piece, through: rest.count > pieceSize ? piece[pieceSize - 1] : IPv4Address(bits: .max))
    }
    var search = FreeAddressSearch(facts, from: nil)
    var found: [IPv4Address] = []
    while let address = search.next(taken: read) { found.append(address) }
    #expect(found == free)
    // From a cursor in the middle, what is below is found last, before it says "full".
    var wrapping = FreeAddressSearch(facts, from: "10.0.0.128")
    var rest: [IPv4Address] = []
    while let address = wrapping.next(taken: read) { rest.append(address) }
    #expect(Set(rest) == Set(free))
    #expect(rest.first == free.first { $0 >= "10.0.0.128" } ?? free.first)
  }

  @Test func whatTheBatchNamesIsNotFound() {
    var search = FreeAddressSearch(facts("10.0.0.0/29", gateway: nil, pool: .empty), from: nil)
    search.claim("10.0.0.1")
    search.claim("10.0.0.3")
    var found: [IPv4Address] = []
    while let address = search.next(taken: { _ in .init(taken: [], through: IPv4Address(bits: .max)) }) {
      found.append(address)
    }
    #expect(found == ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"])
  }
}

/// Steele, Lea and Flood's generator: the same everywhere.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
