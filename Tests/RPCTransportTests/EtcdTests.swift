import Foundation
import RPC
import Testing

@testable import RPCTransport

/// Our client against a real etcd (grpc-go): unary calls, transactions, and the two kinds of stream that live long.
@Suite(
  .serialized, .enabled(if: Python.isThere && FileManager.default.isExecutableFile(atPath: "/usr/bin/etcd"), "needs Debian's etcd-server"),
  .timeLimit(.minutes(5)))
struct EtcdTests {
  private let patience = CallOptions(timeout: .seconds(60), waitForReady: true)

  private func withEtcd(_ body: (ClientChannel) async throws -> Void) async throws {
    let server = try await ForeignServer.python("etcd.py")
    let channel = ClientChannel(addresses: [server.address], logger: .quiet)
    defer { channel.closeNow() }
    try await body(channel)
    withExtendedLifetime(server) {}
  }

  private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func keysAreWrittenReadAndDeleted() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      for number in 0..<20 {
        _ = try await kv.put(.init(key: octets("/n/\(number)"), value: octets("\(number)")), options: patience)
      }
      let one = try await kv.range(.init(key: octets("/n/7")), options: patience)
      #expect(one.pairs.map(\.value) == [octets("7")])
      let all = try await kv.range(.init(key: octets("/n/"), end: octets("/n0"), limit: 5), options: patience)
      #expect(all.pairs.count == 5)
      #expect(all.count == 20)
      #expect(all.more)
      let previous = try await kv.put(.init(key: octets("/n/7"), value: octets("x"), wantsPrevious: true), options: patience)
      #expect(previous.previous?.value == octets("7"))
      let deleted = try await kv.deleteRange(.init(key: octets("/n/"), end: octets("/n0")), options: patience)
      #expect(deleted.deleted == 20)
    }
  }

  @Test func aValueOfAMebibyteCrosses() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      let value = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      _ = try await kv.put(.init(key: octets("large"), value: value), options: patience)
      #expect(try await kv.range(.init(key: octets("large")), options: patience).pairs.first?.value == value)
    }
  }

  @Test func whatEtcdRefusesIsAStatus() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      let error = await #expect(throws: RPCError.self) { _ = try await kv.put(.init(), options: patience) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message == "etcdserver: key is not provided")
    }
  }

  @Test func aTransactionTakesOneBranch() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      // The key does not exist yet: created at revision 0.
      let isNew = Etcdserverpb.Condition(relation: .equal, subject: .created, key: octets("k"), operand: .created(0))
      let claim = Etcdserverpb.TxnQuery(
        conditions: [isNew], success: [.init(kind: .put(.init(key: octets("k"), value: octets("mine"))))],
        failure: [.init(kind: .range(.init(key: octets("k"))))])
      let first = try await kv.txn(claim, options: patience)
      #expect(first.succeeded)
      let second = try await kv.txn(claim, options: patience)
      #expect(!second.succeeded)
      guard case .range(let found)? = second.outcomes.first?.kind else {
        Issue.record("no range in \(second)")
        return
      }
      #expect(found.pairs.map(\.value) == [octets("mine")])
    }
  }

  @Test func aWatchSeesChangesInOrder() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      let watch = Etcdserverpb.WatchClient(channel: channel)
      let (orders, order) = AsyncStream<Etcdserverpb.WatchQuery>.makeStream()
      order.yield(.init(kind: .begin(.init(key: octets("w/"), end: octets("w0")))))
      let seen = try await watch.watch(options: patience) { requests in
        for await query in orders { try await requests.write(query) }
      } onResponses: { answers in
        let begun = try await answers.next()
        #expect(begun?.hasBegun == true)
        for number in 0..<10 { _ = try await kv.put(.init(key: octets("w/\(number)"), value: octets("v")), options: patience) }
        _ = try await kv.deleteRange(.init(key: octets("w/3")), options: patience)
        var seen: [String] = []
        while seen.count < 11, let answer = try await answers.next() {
          seen += answer.changes.map { "\($0.kind) \(String(decoding: $0.pair?.key ?? [], as: UTF8.self))" }
        }
        order.yield(.init(kind: .end(.init(watch: begun?.watch ?? 0))))
        #expect(try await answers.next()?.hasEnded == true)
        return seen
      }
      #expect(seen == (0..<10).map { "put w/\($0)" } + ["delete w/3"])
    }
  }

  @Test func aLeaseLivesAsLongAsItIsRenewed() async throws {
    try await withEtcd { (channel) async throws in
      let kv = Etcdserverpb.KVClient(channel: channel)
      let leases = Etcdserverpb.LeaseClient(channel: channel)
      let lease = try await leases.leaseGrant(.init(seconds: 60), options: patience)
      #expect(lease.seconds == 60)
      _ = try await kv.put(.init(key: octets("held"), value: octets("1"), lease: lease.lease), options: patience)
      let (renewals, renew) = AsyncStream<Void>.makeStream()
      let times = try await leases.leaseKeepAlive(options: patience) { requests in
        for await _ in renewals { try await requests.write(.init(lease: lease.lease)) }
      } onResponses: { answers in
        var times: [Int64] = []
        for _ in 0..<5 {
          renew.yield()
          times.append(try await answers.next()?.seconds ?? -1)
        }
        renew.finish()
        return times
      }
      #expect(times == [60, 60, 60, 60, 60])
      _ = try await leases.leaseRevoke(.init(lease: lease.lease), options: patience)
      #expect(try await kv.range(.init(key: octets("held")), options: patience).pairs.isEmpty)
    }
  }
}
