import NIOCore
import NIOEmbedded
import Testing

@testable import RPCTransport

/// Who comes when, where many want something of one event loop.
@Suite struct LoopTurnsTests {
  private let loop = EmbeddedEventLoop()
  private let clock = Clock()
  private let turns: LoopTurns

  init() {
    turns = LoopTurns(loop) { [clock] in clock.now }
  }

  private final class Clock {
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

    /// As long as a turn may take.
    func useUpATurn() { now = now + LoopTurns.workMax }
  }

  /// Notes its turns, which may take all the time that a turn has.
  private final class Peer: TakesTurns {
    let name: Int
    let log: Log
    let slow: Clock?
    let readsAgain: Bool

    init(_ name: Int, _ log: Log, slow: Clock? = nil, readsAgain: Bool = false) {
      self.name = name
      self.log = log
      self.slow = slow
      self.readsAgain = readsAgain
    }

    func turnCame() -> Bool {
      log.names.append(name)
      slow?.useUpATurn()
      return readsAgain
    }
  }

  private final class Log {
    var names: [Int] = []
  }

  @Test func thoseWhoCostLittleHaveTheirTurnTogether() {
    let log = Log()
    for name in 0..<3 { turns.wait(Peer(name, log)) }
    #expect(log.names.isEmpty)
    loop.run()
    #expect(log.names == [0, 1, 2])
  }

  @Test func thoseWhoCostMuchComeOneAfterTheOther() {
    let log = Log()
    for name in 0..<3 { turns.wait(Peer(name, log, slow: clock)) }
    for turn in 1...3 {
      // Time has to pass for the next turn: the loop looks at its sockets.
      loop.run()
      #expect(log.names == Array(0..<turn))
      loop.advanceTime(by: LoopTurns.breath)
    }
  }

  @Test func socketsAreReadAgainAFewATurn() {
    let log = Log()
    for name in 0..<10 { turns.wait(Peer(name, log, readsAgain: true)) }
    loop.run()
    #expect(log.names == [0, 1, 2, 3])
    loop.advanceTime(by: LoopTurns.breath)
    #expect(log.names == Array(0..<8))
    loop.advanceTime(by: LoopTurns.breath)
    #expect(log.names == Array(0..<10))
  }

  @Test func whoIsAloneNeedNotWait() {
    let peer = Peer(0, Log())
    turns.hear(peer)
    clock.now = clock.now + .seconds(1)
    turns.hear(peer)
    for _ in 0..<10 { #expect(!turns.mustWaitAfterFullRead()) }
  }

  @Test func ofManyThatBringMuchSomeWait() {
    let peers = [Peer(0, Log()), Peer(1, Log())]
    for peer in peers { turns.hear(peer) }
    for _ in 0..<4 { #expect(!turns.mustWaitAfterFullRead()) }
    #expect(turns.mustWaitAfterFullRead())
    loop.run()
    #expect(!turns.mustWaitAfterFullRead())
  }

  @Test func octetsOfWhoIsAloneAreOnePiece() throws {
    #expect(pieces(of: 16 << 10) { _ in true } == [16 << 10])
  }

  @Test func octetsThatCostMuchAreLeftForTheNextTurn() {
    hearTwo()
    let pieces = pieces(of: 16 << 10) { _ in
      clock.useUpATurn()
      return true
    }
    #expect(pieces.count == 1)
    #expect(pieces[0] < 16 << 10)
  }

  @Test func octetsThatCostLittleAreTwoPieces() throws {
    hearTwo()
    let pieces = pieces(of: 16 << 10) { _ in
      clock.now = clock.now + .microseconds(1)
      return true
    }
    #expect(pieces.count == 2)
    #expect(pieces.reduce(0, +) == 16 << 10)
  }

  @Test func octetsThatNobodyWantsAreDealtWith() {
    hearTwo()
    var left = 0
    _ = pieces(of: 16 << 10, left: &left) { _ in false }
    #expect(left == 0)
  }

  @Test func piecesAreInOrderAndComplete() {
    hearTwo()
    let octets = (0..<(64 << 10)).map { UInt8(truncatingIfNeeded: $0 % 251) }
    var seen: [UInt8] = []
    while seen.count < octets.count {
      octets[seen.count...].withUnsafeBytes { rest in
        let before = seen.count
        let count = turns.slice(rest) { piece in
          seen.append(contentsOf: piece)
          return true
        }
        #expect(count == seen.count - before)
      }
    }
    #expect(seen == octets)
  }

  private func hearTwo() {
    turns.hear(Peer(0, Log()))
    turns.hear(Peer(1, Log()))
  }

  private func pieces(of count: Int, _ body: (Int) -> Bool) -> [Int] {
    var left = 0
    return pieces(of: count, left: &left, body)
  }

  private func pieces(of count: Int, left: inout Int, _ body: (Int) -> Bool) -> [Int] {
    var pieces: [Int] = []
    let done = [UInt8](repeating: 0, count: count).withUnsafeBytes { octets in
      turns.slice(octets) { piece in
        pieces.append(piece.count)
        return body(piece.count)
      }
    }
    left = count - done
    return pieces
  }
}
