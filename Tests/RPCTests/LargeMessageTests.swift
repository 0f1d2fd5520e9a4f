import Synchronization
import Testing

@testable import RPC

/// Messages that are encoded and decoded by others than the thread that carries the call.
@Suite struct LargeMessageTests {
  private let loop = TestExecutor()
  private let elsewhere = TestExecutor()
  private let call = ServerCall()
  private let large = Bench.EchoRequest(id: 1, payload: [UInt8](repeating: 7, count: MessageReader.largeBytesMin))
  private let small = Bench.EchoRequest(id: 2, name: "small")

  init() {
    begin(compression: .identity)
  }

  private func begin(compression: Compression) {
    call.begin(
      method: Bench.EchoMethods.unary, metadata: Metadata(), deadline: nil, compression: compression,
      driver: Driver(elsewhere))
  }

  private func receive(_ octets: [UInt8]) -> Int {
    octets.withUnsafeBytes { octets in call.withStreams { $0.receive(octets).credit } }
  }

  private var heldBytes: Int { call.withStreams { $0.held.inboundBytes } }

  /// Reads on the loop until it has to wait.
  private func read(_ result: Outcome) -> Task<Void, Never> {
    Task.immediate(executorPreference: loop) { [call] in
      do throws(RPCError) {
        let message = try await call.receiveOnly(Bench.EchoRequest.self)
        result.set(.success(message))
      } catch {
        result.set(.failure(error))
      }
    }
  }

  @Test func aLargeMessageIsDecodedElsewhereAndReadOnTheLoop() {
    _ = receive(framed([large]))
    let outcome = Outcome()
    _ = read(outcome)
    #expect(!outcome.isKnown)
    #expect(elsewhere.drain() > 0)
    // The reader is told where it waited.
    #expect(!outcome.isKnown)
    loop.drain()
    #expect(outcome.value == .success(large))
  }

  @Test func aSmallMessageIsDecodedAtOnce() {
    _ = receive(framed([small]))
    let outcome = Outcome()
    _ = read(outcome)
    #expect(outcome.value == .success(small))
    #expect(elsewhere.drain() == 0)
  }

  @Test func aFewCompressedOctetsAreLarge() {
    begin(compression: .gzip)
    let noise = (0..<2 * MessageReader.largeCompressedBytesMin).map { _ in UInt8.random(in: 0 ... .max) }
    let message = Bench.EchoRequest(payload: noise)
    _ = receive(framed([message], compression: .gzip))
    let outcome = Outcome()
    _ = read(outcome)
    #expect(!outcome.isKnown)
    drain()
    #expect(outcome.value == .success(message))
  }

  @Test func whatComesBehindALargeMessageIsKept() {
    let octets = framed([large, small])
    let credit = receive(octets + [0, 0])
    let first = Outcome()
    _ = read(first)
    drain()
    #expect(first.value == .success(large))
    let second = Outcome()
    _ = read(second)
    #expect(second.value == .success(small))
    // All octets may be sent again, those of the message that is incomplete too.
    #expect(credit + call.withStreams { $0.takeSignal() } == octets.count + 2)
  }

  @Test func itsMemoryIsTheCallsUntilItIsDecoded() {
    _ = receive(framed([large]))
    _ = read(Outcome())
    #expect(heldBytes >= MessageReader.largeBytesMin)
    #expect(heldBytes < 3 * MessageReader.largeBytesMin)
    drain()
    #expect(heldBytes < MessageReader.largeBytesMin)
  }

  @Test func aMessageThatWasDroppedIsNone() async {
    let message = EncodedMessage(octets(of: large), isCompressed: false, rules: DecodingRules(messageBytesMax: 1 << 20, compression: .identity))
    message.drop()
    await #expect(throws: RPCError.self) { _ = try await message.decode(Bench.EchoRequest.self).get() }
  }

  /// Compression may be chosen until the first message is queued.
  @Test func aResponseIsCompressedAsItsHeadersSay() async throws {
    let response = Bench.EchoReply(name: "compressed too early")
    let encoded = await MessageWriter.encode(response, .gzip)
    var writer = MessageWriter()
    writer.append(response, encoded: encoded)
    var written = [UInt8](repeating: 0, count: writer.queuedBytes)
    _ = written.withUnsafeMutableBytes { writer.take(into: $0) }
    #expect(written == framed([response]))
  }

  @Test func aListCostsWhatItContains() {
    let small = GoogleProtobuf.AnyMessage(typeUrl: "x", value: [])
    let large = GoogleProtobuf.AnyMessage(typeUrl: "x", value: [UInt8](repeating: 0, count: 10_000))
    #expect(GoogleRpc.Status(details: [small]).encodingCost < 1_000)
    #expect(GoogleRpc.Status(details: [large, small]).encodingCost >= 20_000)
    #expect(GoogleRpc.Status().encodingCost == 0)
  }

  private func octets(of message: some Message) -> ByteQueue {
    var octets = ByteQueue()
    message.serializedBytes().withUnsafeBytes { octets.append($0) }
    return octets
  }

  @Test func aCallThatEndsDropsWhatNobodyDecodedYet() {
    _ = receive(framed([large]))
    let outcome = Outcome()
    _ = read(outcome)
    call.fail(RPCError(.cancelled, "the client went away"))
    #expect(heldBytes == 0)
    drain()
    #expect(outcome.value == .failure(RPCError(.cancelled, "the client went away")))
  }

  @Test func aLargeMessageThatIsNoneEndsAsASmallOneDoes() {
    var octets = framed([large])
    octets[MessageReader.prefixBytes] = 0xff
    _ = receive(octets)
    let outcome = Outcome()
    _ = read(outcome)
    drain()
    guard case .failure(let error)? = outcome.value else {
      Issue.record("it was decoded")
      return
    }
    #expect(error.code == .internalError)
    #expect(error.message.hasPrefix("a message is not a valid bench.EchoRequest"))
  }

  @Test(arguments: [Compression.identity, .gzip]) func aLargeResponseIsEncodedElsewhere(_ compression: Compression) throws {
    let count = compression == .gzip ? MessageWriter.largeCompressedCostMin : MessageWriter.largeCostMin
    let response = Bench.EchoReply(id: 3, payload: [UInt8](repeating: 9, count: count))
    call.withState { state in
      state.acceptsGzip = true
      state.setCompression(compression)
    }
    _ = Task.immediate(executorPreference: loop) { [call] in
      let encoded = await call.encodeElsewhere(response)
      #expect(encoded != nil)
      do throws(RPCError) { try call.sendLast(response, encoded: encoded) } catch { Issue.record(error) }
    }
    #expect(call.withStreams { $0.outbound.queuedBytes } == 0)
    drain()
    let expected = framed([response], compression: compression)
    var room = [UInt8](repeating: 0, count: expected.count + 1)
    let written = room.withUnsafeMutableBytes { room in call.withStreams { $0.produce(into: room).count } }
    #expect(Array(room[..<written]) == expected)
  }

  @Test func whereNobodyElseDecodesItIsDoneAtOnce() {
    call.begin(method: Bench.EchoMethods.unary, metadata: Metadata(), deadline: nil)
    _ = receive(framed([large]))
    let outcome = Outcome()
    _ = read(outcome)
    #expect(outcome.value == .success(large))
  }

  private func drain() {
    while elsewhere.drain() + loop.drain() > 0 {}
  }
}

private final class Outcome: Sendable {
  private let state = Mutex<Result<Bench.EchoRequest, RPCError>?>(nil)

  var value: Result<Bench.EchoRequest, RPCError>? { state.withLock { $0 } }
  var isKnown: Bool { value != nil }
  func set(_ value: Result<Bench.EchoRequest, RPCError>) { state.withLock { $0 = value } }
}

private final class Driver: CallDriver {
  let largeMessages: (any TaskExecutor)?

  init(_ executor: any TaskExecutor) { largeMessages = executor }
  func callNeedsAttention(_ call: any CallEndpoint) {}
}
