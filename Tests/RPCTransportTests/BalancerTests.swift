import NIOCore
import Testing

@testable import RPCTransport

@Suite struct BalancerTests {
  @Test func pickFirstTriesOneAfterTheOther() {
    var balancer = Balancer(policy: .pickFirst, count: 3)
    #expect(balancer.pick(waitsForReady: false) == .wait(connect: [0]))
    #expect(balancer.pick(waitsForReady: false) == .wait(connect: []))
    balancer.failed(0, reason: "no")
    #expect(balancer.pick(waitsForReady: false) == .wait(connect: [1]))
    balancer.connected(1)
    #expect(balancer.pick(waitsForReady: false) == .use(1))
  }

  @Test func whenAllFailedTheReasonsAreGiven() {
    var balancer = Balancer(policy: .pickFirst, count: 2)
    _ = balancer.pick(waitsForReady: false)
    balancer.failed(0, reason: "a")
    _ = balancer.pick(waitsForReady: false)
    balancer.failed(1, reason: "b")
    #expect(balancer.isInTransientFailure)
    #expect(balancer.pick(waitsForReady: false) == .unavailable(reason: "a; b"))
    #expect(balancer.pick(waitsForReady: true) == .wait(connect: []))
    balancer.backoffEnded(1)
    #expect(balancer.pick(waitsForReady: true) == .wait(connect: [1]))
  }

  @Test func roundRobinConnectsAllAndTakesTurns() {
    var balancer = Balancer(policy: .roundRobin, count: 3)
    #expect(balancer.pick(waitsForReady: false) == .wait(connect: [0, 1, 2]))
    balancer.connected(0)
    balancer.connected(2)
    #expect((0..<4).map { _ in balancer.pick(waitsForReady: false) } == [.use(2), .use(0), .use(2), .use(0)])
  }

  @Test func aLostAddressIsTriedAgainAtOnce() {
    var balancer = Balancer(policy: .roundRobin, count: 2)
    _ = balancer.pick(waitsForReady: false)
    balancer.connected(0)
    balancer.connected(1)
    balancer.lost(0)
    #expect(balancer.pick(waitsForReady: false) == .use(1))
    #expect(balancer.alsoConnect() == [0])
    #expect(balancer.alsoConnect() == [])
  }

  @Test func backoffGrowsWithJitterAndStopsGrowing() {
    let backoff = Backoff(base: .milliseconds(100), longest: .seconds(2))
    #expect(backoff.next(after: nil, jitter: 0) == .milliseconds(100))
    #expect(backoff.next(after: nil, jitter: 0.5) == .milliseconds(200))
    #expect(backoff.next(after: nil, jitter: 1) == .milliseconds(300))
    #expect(backoff.next(after: .milliseconds(300), jitter: 0) == .milliseconds(100))
    #expect(backoff.next(after: .milliseconds(300), jitter: 1) == .milliseconds(900))
    #expect(backoff.next(after: .milliseconds(900), jitter: 1) == .seconds(2))
    #expect(backoff.next(after: .seconds(2), jitter: 1) == .seconds(2))
  }

  @Test func backoffNeverWaitsLessThanItsBase() {
    #expect(Backoff(base: .seconds(5), longest: .seconds(2)).next(after: nil, jitter: 1) == .seconds(5))
  }
}

@Suite struct ConnectionWatchTests {
  private func watch(keepalive: TimeAmount? = .seconds(10), idle: TimeAmount? = nil, withoutCalls: Bool = true) -> ConnectionWatch {
    ConnectionWatch(
      limits: ConnectionWatch.Limits(
        establishing: .seconds(5), idle: idle, keepaliveInterval: keepalive, keepaliveTimeout: .seconds(3),
        keepaliveWithoutCalls: withoutCalls),
      now: at(0))
  }

  private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  @Test func aPeerThatNeverBeginsIsClosed() {
    var watch = watch()
    #expect(watch.check(now: at(0)) == .wait(until: at(5)))
    #expect(watch.check(now: at(5)) == .close(.establishing))
  }

  @Test func silenceIsAnsweredByAPingAndThenByClosing() {
    var watch = watch()
    watch.established()
    #expect(watch.check(now: at(1)) == .wait(until: at(10)))
    #expect(watch.check(now: at(10)) == .ping)
    #expect(watch.check(now: at(10)) == .wait(until: at(13)))
    #expect(watch.check(now: at(13)) == .close(.dead))
  }

  @Test func anythingReceivedProvesLife() {
    var watch = watch()
    watch.established()
    _ = watch.check(now: at(10))
    watch.received(now: at(12))
    #expect(watch.check(now: at(13)) == .wait(until: at(22)))
  }

  @Test func withoutCallsPingsMayBeOff() {
    var watch = watch(withoutCalls: false)
    watch.established()
    #expect(watch.check(now: at(100)) == .wait(until: nil))
    watch.hasCalls = true
    #expect(watch.check(now: at(100)) == .ping)
  }

  @Test func idlenessCountsFromTheLastCall() {
    var watch = watch(keepalive: nil, idle: .seconds(20))
    watch.established()
    watch.hasCalls = true
    #expect(watch.check(now: at(100)) == .wait(until: nil))
    watch.received(now: at(100))
    watch.hasCalls = false
    #expect(watch.check(now: at(101)) == .wait(until: at(120)))
    #expect(watch.check(now: at(120)) == .close(.idle))
  }
}

@Suite struct EndpointAddressTests {
  @Test(arguments: [
    ("127.0.0.1:7610", EndpointAddress.tcp(host: "127.0.0.1", port: 7610)), ("[::1]:7610", .tcp(host: "::1", port: 7610)),
    (":7610", .tcp(host: "", port: 7610)), ("unix:/run/muster.sock", .unix(path: "/run/muster.sock")),
    ("region.example:80", .tcp(host: "region.example", port: 80)),
  ])
  func anAddressIsReadAsWritten(_ text: String, _ address: EndpointAddress) throws {
    #expect(try EndpointAddress(text) == address)
    #expect(try EndpointAddress(address.description) == address)
  }

  @Test(arguments: ["", "host", "host:", "host:70000", "host:-1", "::1", "unix:", "unix:/" + String(repeating: "x", count: 200)])
  func whatIsNoAddressIsRefused(_ text: String) {
    #expect(throws: EndpointAddressError.self) { try EndpointAddress(text) }
  }
}
