import Foundation
import Testing

@testable import Simulation

/// The thread, the clock and the chance that everything else stands on.
struct WorldTests {
  @Test func timePassesOnlyWhenNobodyIsReady() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    var times: [Duration] = []
    process.call(after: .seconds(5)) { times.append(world.now) }
    process.call { times.append(world.now) }
    #expect(!world.run(until: .seconds(10)) { false })
    #expect(times == [.zero, .seconds(5)])
    #expect(world.now == .seconds(10))
  }

  @Test func tasksAndTheirChildrenStayOnTheThread() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    let log = Log()
    process.start {
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<10 {
          group.addTask {
            #expect(world.isOnThread)
            do { try await process.sleep(for: .seconds(10 - index)) } catch {}
            #expect(world.isOnThread)
            log.add("\(index)")
          }
        }
      }
      let (stream, continuation) = AsyncStream<Int>.makeStream()
      async let sum = stream.reduce(0, +)
      for number in 1...4 { continuation.yield(number) }
      continuation.finish()
      log.add("sum \(await sum)")
      await Cell().poke(log, world)
    }
    _ = world.run(until: .seconds(60)) { false }
    #expect(log.lines == ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0", "sum 10", "actor"])
    #expect(world.violations.isEmpty)
  }

  private actor Cell {
    func poke(_ log: Log, _ world: World) {
      #expect(world.isOnThread)
      log.add("actor")
    }
  }

  @Test func readyTasksRunInAnOrderThatTheSeedDraws() {
    func order(_ seed: UInt64) -> [String] {
      let world = World(seed: seed)
      let process = SimulatedProcess(name: "p", number: 1, world: world)
      let log = Log()
      process.start {
        await withTaskGroup(of: Void.self) { group in
          for index in 0..<20 { group.addTask { log.add("\(index)") } }
        }
      }
      _ = world.run(until: .seconds(1)) { false }
      return log.lines
    }
    #expect(order(1) == order(1))
    #expect(order(1) != order(2))
    #expect(order(1).count == 20)
  }

  @Test func aStoppedProcessTakesNoStepsAndCatchesUp() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    let log = Log()
    process.start {
      while !Task.isCancelled {
        do { try await process.sleep(for: .seconds(1)) } catch { return }
        log.add("\(world.now.components.seconds)")
      }
    }
    world.after(.milliseconds(2_500)) { process.stop() }
    world.after(.milliseconds(9_500)) { process.resume() }
    _ = world.run(until: .seconds(12)) { false }
    #expect(log.lines == ["1", "2", "9", "10", "11"])
    process.kill()
  }

  @Test func aKilledProcessUnwindsAtOnceAndIsHeardOfNoMore() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    let log = Log()
    process.start {
      do { try await process.sleep(for: .seconds(100)) } catch { log.add("cancelled at \(world.now.components.seconds)") }
    }
    world.after(.seconds(3)) { process.kill() }
    process.call(after: .seconds(50)) { log.add("ran at \(world.now.components.seconds)") }
    _ = world.run(until: .seconds(60)) { false }
    #expect(log.lines.sorted() == ["cancelled at 3", "ran at 3"])
    #expect(world.violations.isEmpty)
  }

  @Test func aTaskThatDoesNotEndIsReported() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    process.start { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    _ = world.run(until: .seconds(1)) { false }
    process.kill()
    #expect(world.violations.map(\.invariant) == [.cleanEnd])
  }

  @Test func aTaskThatAnotherThreadResumesIsReported() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    process.start { for await _ in stream {} }
    _ = world.run(until: .seconds(1)) { false }
    let done = DispatchSemaphore(value: 0)
    Thread {
      continuation.finish()
      done.signal()
    }.start()
    done.wait()
    #expect(!world.run(until: .seconds(2)) { false })
    #expect(world.violations.map(\.invariant) == [.oneThread])
    process.kill()
  }

  @Test func whoWaitsWithoutLettingTimePassIsReported() {
    let world = World(seed: 1)
    let process = SimulatedProcess(name: "p", number: 1, world: world)
    process.start { while !Task.isCancelled { await Task.yield() } }
    #expect(!world.run(until: .seconds(1)) { false })
    #expect(world.violations.map(\.invariant) == [.livelock])
    process.kill()
  }

  @Test func timersOfOneInstantKeepTheirOrder() {
    var queue = TimerQueue()
    var order: [Int] = []
    for index in 0..<50 { queue.add(due: .seconds(index % 5)) { order.append(index) } }
    while let timer = queue.pop() { timer.action() }
    #expect(order == (0..<50).sorted { ($0 % 5, $0) < ($1 % 5, $1) })
  }
}

/// Lines in the order they came. Used on one thread.
final class Log: @unchecked Sendable {
  private(set) var lines: [String] = []
  func add(_ line: String) { lines.append(line) }
}
