import Testing

@testable import HTTP2

/// The blocks that sessions of one thread pass on to each other.
@Suite struct SessionMemoryTests {
  @Test func aBlockIsUsedAgainForTheSameSize() throws {
    var pool = SessionMemory.Pool()
    defer { pool.end() }
    // One of glibc's own sizes, so that it is the same under an allocator that does not round up.
    let taken = pool.take(104)
    let first = try #require(taken)
    pool.giveBack(first)
    #expect(pool.keptBytes == 104)
    let second = pool.take(104)
    #expect(second == first)
    #expect(pool.keptBytes == 0)
    pool.giveBack(second)
  }

  @Test(arguments: [0, 1, 24, 25, 39, 40, 41, 504, 520, 521, 4096])
  func aBlockThatIsUsedAgainIsLargeEnough(_ sizeBytes: Int) throws {
    var pool = SessionMemory.Pool()
    defer { pool.end() }
    for given in 0...600 { pool.giveBack(pool.take(given)) }
    let taken = pool.take(sizeBytes)
    let block = try #require(taken)
    block.initializeMemory(as: UInt8.self, repeating: 0xaa, count: sizeBytes)
    pool.giveBack(block)
  }

  @Test func whatIsKeptIsBounded() {
    var pool = SessionMemory.Pool()
    defer { pool.end() }
    let blocks = (0..<2_000).map { _ in pool.take(500) }
    for block in blocks { pool.giveBack(block) }
    #expect(pool.keptBytes < SessionMemory.Pool.keptBytesMax + 1_024)
  }

  @Test func sessionsMayEndInAnyOrder() throws {
    let memory = SessionMemory()
    var sessions: [Peer?] = (0..<8).map { _ in Peer(.server, memory: memory) }
    for index in [3, 0, 7, 1, 2, 6, 5, 4] {
      #expect(try sessions[index]?.output().isEmpty == false)
      sessions[index] = nil
    }
  }
}
