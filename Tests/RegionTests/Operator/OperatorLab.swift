import Logging
import Provisioning
import RPC
import Store
import Synchronization
import Testing
import Wire

@testable import Region

/// A region's operator side over a store in memory, called as a client would call it.
final class OperatorLab: Sendable {
  let context: RegionContext
  private let time: ManualTime
  private let router: Router

  let nodes: MusterV1.NodeServiceClient
  let subnets: MusterV1.SubnetServiceClient
  let profiles: MusterV1.BootProfileServiceClient
  let events: MusterV1.EventServiceClient
  let region: MusterV1.RegionServiceClient

  /// - Parameter isInline: Run the store on the caller's thread: the same every time.
  init(actor: String = "ops1", isInline: Bool = true) throws {
    let time = ManualTime()
    self.time = time
    let environment = StoreEnvironment(
      now: { time.now }, executor: isInline ? InlineStoreExecutor() : DispatchStoreExecutor())
    let clocks = Clocks(
      now: { time.now }, uptime: { time.now.nanoseconds }, sleep: { try await Task.sleep(for: .nanoseconds($0)) })
    context = RegionContext(
      store: try SQLiteStore.inMemory(environment: environment), clocks: clocks,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, version: "0.1.0",
      random: { UInt64.random(in: .min ... .max) })
    router = Router(
      services: [
        NodeServiceHandler(context: context), SubnetServiceHandler(context: context),
        BootProfileServiceHandler(context: context), EventServiceHandler(context: context),
        RegionServiceHandler(context: context),
      ], interceptors: [NamedOperator(name: actor)])
    let channel = InMemoryChannel(router: router)
    nodes = .init(channel: channel)
    subnets = .init(channel: channel)
    profiles = .init(channel: channel)
    events = .init(channel: channel)
    region = .init(channel: channel)
  }

  func advance(seconds: Int64) { time.advance(seconds: seconds) }
  var now: Timestamp { time.now }

  /// hall1 10.1.0.0/22 with the gateway 10.1.0.1 and the pool 10.1.3.0-10.1.3.99; stor1 10.2.0.0/22 without pool.
  @discardableResult
  func addHalls() async throws -> Self {
    try await add(
      subnet: .init(name: "hall1", prefix: "10.1.0.0/22", gateway: "10.1.0.1", pools: ["10.1.3.0-10.1.3.99"]))
    try await add(subnet: .init(name: "stor1", prefix: "10.2.0.0/22"))
    return self
  }

  @discardableResult
  func add(subnet: MusterV1.Subnet) async throws -> MusterV1.WriteSubnetResponse {
    try await subnets.createSubnet(.init(subnet: subnet))
  }

  @discardableResult
  func add(node: MusterV1.Node) async throws -> MusterV1.WriteNodeResponse {
    try await nodes.createNode(.init(node: node))
  }

  func node(_ name: String) async throws -> MusterV1.Node {
    try await nodes.getNode(.init(name: name))
  }

  /// What a client sees of a refused call: its status and its sentence.
  func refusal(_ body: () async throws -> some Sendable) async -> Refused? {
    do {
      _ = try await body()
      return nil
    } catch let error as RPCError {
      return Refused(error)
    } catch {
      Issue.record("not a status: \(error)")
      return nil
    }
  }
}

/// A refused call.
struct Refused: Sendable, CustomStringConvertible {
  var code: StatusCode
  var message: String
  var reason: String
  var fields: [String]
  /// All problems as an operator reads them.
  var sentences: [String]

  init(_ error: RPCError) {
    code = error.code
    message = error.message
    reason = error.reason ?? ""
    fields = error.fieldProblems.map(\.field)
    sentences = error.fieldProblems.map(\.fullSentence)
  }

  var description: String { "\(code.name) \(reason): \(message)" }
}

/// A clock that moves when told.
final class ManualTime: Sendable {
  private let nanoseconds = Mutex<Int64>(1_795_320_000_000_000_000)

  var now: Timestamp { nanoseconds.withLock { Timestamp(nanoseconds: $0) } }
  func advance(seconds: Int64) { nanoseconds.withLock { $0 += seconds * 1_000_000_000 } }
}

/// Every caller is this operator, unless the call's metadata names another.
private struct NamedOperator: ServerInterceptor {
  let name: String

  func intercept(_ context: inout ServerContext) async throws {
    let principal = Principal.operators(name: context.metadata["as"] ?? name, role: .operator)
    if let refusal = MethodAccess(context.method).refusal(for: principal) { throw refusal }
    context.principal = principal
  }
}

extension MusterV1.Node {
  /// A node with one interface.
  static func sample(
    _ name: String, mac: String, subnet: String = "hall1", address: String = "auto", profile: String = ""
  ) -> MusterV1.Node {
    MusterV1.Node(
      name: name, bootProfile: profile,
      interfaces: [.init(name: "eth0", mac: mac, subnet: subnet, address: address, boot: true)])
  }
}
