import HTTP2
import Testing

@testable import RPC

/// Calls come and go by the hundred between two moments at which their places are looked at.
@Suite struct CallTableTests {
  @Test func callsThatNobodyHoldsAreUsedAgainAndOthersAreNot() {
    var table = CallTable()
    var held = open(100, in: &table)
    #expect(Set(held.map { ObjectIdentifier($0) }).count == 100)
    #expect(table.count == 100)
    // By which they are known later; an address can be another object's by then.
    let mark = MethodDescriptor(service: "t", method: "First", kind: .unary)
    for call in held { call.withState { $0.setMethod(mark) } }
    for call in held { table.close(call) }
    #expect(table.count == 0)
    // Not before the table looked: a callback may be about one of them.
    #expect(open(10, in: &table).allSatisfy { $0.method != mark })
    held.removeFirst(50)
    table.recycle()
    let again = open(40, in: &table)
    // 32 at most are kept, and those are of the 50 that nobody holds.
    #expect(again.filter { $0.method == mark }.count == 32)
    #expect(again.allSatisfy { call in !held.contains { $0 === call } })
    #expect(table.count == 50)
    #expect(table.all.count == 50)
    #expect(Set(table.all.map(\.stream.slot)).count == 50)
  }

  @Test func theConnectionsEndClosesWhatIsOpenOnly() {
    var table = CallTable()
    let calls = open(5, in: &table)
    for call in calls.prefix(2) { table.close(call) }
    #expect(table.all.map { ObjectIdentifier($0) } == calls.dropFirst(2).map { ObjectIdentifier($0) })
    table.closeAll()
    #expect(table.count == 0)
    #expect(table.all.isEmpty)
    #expect(calls.allSatisfy { !$0.stream.isOpen })
    table.recycle()
    #expect(table.count == 0)
  }

  private func open(_ count: Int, in table: inout CallTable) -> [ServerCall] {
    (0..<count).map { index in
      let call = table.open(StreamID(rawValue: Int32(index)), at: 0, peer: .inMemory)
      return unsafeDowncast(call.takeUnretainedValue(), to: ServerCall.self)
    }
  }
}
