internal import NIOCore

/// Runs tasks on an event loop, next to the connections they belong to.
///
/// Work that comes from the loop itself, such as a reader woken by its data, waits in a plain array until the
/// connection's read is complete; NIO's own queue would take a lock and a closure for each.
final class LoopExecutor: TaskExecutor {
  let loop: any EventLoop
  // Only the loop's thread touches these.
  @exclusivity(unchecked) nonisolated(unsafe) private var jobs: [UnownedJob] = []
  @exclusivity(unchecked) nonisolated(unsafe) private var isScheduled = false
  @exclusivity(unchecked) nonisolated(unsafe) private var isDraining = false
  @exclusivity(unchecked) nonisolated(unsafe) private var isHandingOver = false
  @exclusivity(unchecked) nonisolated(unsafe) private var handedOver: UnownedJob?

  init(_ loop: any EventLoop) {
    self.loop = loop
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard loop.inEventLoop else {
      loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
      return
    }
    if isHandingOver, handedOver == nil {
      handedOver = job
      return
    }
    jobs.append(job)
    schedule()
  }

  /// Runs the task that `wake` makes ready until it suspends again, before this returns.
  func runAtOnce(_ wake: () -> Void) {
    loop.assertInEventLoop()
    isHandingOver = true
    wake()
    isHandingOver = false
    guard let job = handedOver else { return }
    handedOver = nil
    job.runSynchronously(on: asUnownedTaskExecutor())
  }

  /// Runs what is waiting, and what that adds, up to `jobsPerTurnMax`: a task that never waits must not keep
  /// the loop from its sockets.
  func drain() {
    loop.assertInEventLoop()
    if isDraining { return }
    isDraining = true
    var index = 0
    while index < jobs.count, index < LoopExecutor.jobsPerTurnMax {
      jobs[index].runSynchronously(on: asUnownedTaskExecutor())
      index += 1
    }
    jobs.removeFirst(index)
    isDraining = false
    if !jobs.isEmpty { schedule(after: LoopExecutor.breath) }
  }

  private func schedule(after pause: TimeAmount? = nil) {
    if isScheduled || isDraining { return }
    isScheduled = true
    let turn: @Sendable () -> Void = {
      self.isScheduled = false
      self.drain()
    }
    if let pause { loop.scheduleTask(in: pause, turn) } else { loop.execute(turn) }
  }

  private static let jobsPerTurnMax = 1024
  /// A loop runs everything that it was given before it looks at its sockets, also what comes meanwhile. What is put off for
  /// their sake has to be due a little later.
  private static let breath = TimeAmount.microseconds(100)
}
