import NIOCore
import NIOEmbedded
import Testing

@testable import RPCTransport

@Suite struct DoorkeeperTests {
  private let channel = EmbeddedChannel()
  private let reads = ReadCounter()
  private let doorkeeper: Doorkeeper

  init() throws {
    doorkeeper = Doorkeeper(turns: LoopTurns(channel.eventLoop))
    try channel.pipeline.syncOperations.addHandlers([reads, doorkeeper])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  @Test func whatAPeerSaysIsHeardInItsTurn() throws {
    try channel.writeInbound(ByteBuffer(string: "PRI"))
    #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
    channel.embeddedEventLoop.run()
    #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "PRI"))
  }

  @Test func nothingMoreIsReadBeforeThat() throws {
    let before = reads.count
    try channel.writeInbound(ByteBuffer(string: "PRI"))
    channel.read()
    channel.read()
    #expect(reads.count == before)
    channel.embeddedEventLoop.run()
    #expect(reads.count == before + 1)
  }

  @Test func whoIsKnownGoesIn() throws {
    doorkeeper.leave()
    try channel.writeInbound(ByteBuffer(string: "PRI"))
    channel.embeddedEventLoop.run()
    #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "PRI"))
    try channel.writeInbound(ByteBuffer(string: "more"))
    #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "more"))
  }

  @Test func whoIsGoneIsNotHeard() throws {
    try channel.writeInbound(ByteBuffer(string: "PRI"))
    try channel.close().wait()
    channel.embeddedEventLoop.run()
    #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
  }
}
