internal import Synchronization

/// A process of the simulated cluster: its tasks run here and nowhere else, one step at a time, when the world says so.
///
/// It can be stopped (SIGSTOP: the clock goes on, no steps) and killed. A killed process takes no further step that
/// anybody could see: its network and its daemons are cut off and its disk is copied before its tasks are cancelled and
/// run to their ends, which only frees what they hold.
package final class SimulatedProcess: TaskExecutor, @unchecked Sendable {
  package enum State: Sendable { case running, stopped, dead }

  private enum Work {
    case job(UnownedJob)
    case call(() -> Void)
  }

  package let name: String
  let number: Int
  let world: World
  private(set) var state = State.running
  /// Work that came from the world's own thread goes straight here.
  private var ready: [Work] = []
  /// Jobs of tasks that left the world's thread; there should never be one.
  private let foreign = Mutex<[UnownedJob]>([])
  /// Calls that are not due yet, by their order.
  private var scheduled: [UInt64: () -> Void] = [:]
  private var lastCall: UInt64 = 0
  private var sleepers: [UInt64: CheckedContinuation<Void, any Error>] = [:]
  private var lastSleeper: UInt64 = 0
  private var main: Task<Void, Never>?
  private var isDone = false

  /// How late a sleeper may wake.
  static let latenessMax: Duration = .milliseconds(1)
  /// Steps that a dead process may take to unwind.
  static let unwindingMax = 1_000_000

  init(name: String, number: Int, world: World) {
    self.name = name
    self.number = number
    self.world = world
    world.add(self)
  }

  var isAlive: Bool { state != .dead }
  var isReady: Bool { state == .running && (!ready.isEmpty || foreign.withLock { !$0.isEmpty }) }

  // MARK: Work

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard world.isOnThread else {
      // Reported at the next step, on the right thread.
      foreign.withLock { $0.append(job) }
      return
    }
    ready.append(.job(job))
  }

  /// Runs `action` as a step of this process.
  func call(_ action: @escaping () -> Void) {
    guard isAlive else { return }
    ready.append(.call(action))
  }

  /// Runs `action` as a step of this process after `delay`. If the process dies before, it runs while that unwinds.
  func call(after delay: Duration, _ action: @escaping () -> Void) {
    guard isAlive else { return ready.append(.call(action)) }
    lastCall += 1
    let id = lastCall
    scheduled[id] = action
    world.after(delay) { [weak self] in
      guard let self, let action = scheduled.removeValue(forKey: id) else { return }
      ready.append(.call(action))
    }
  }

  /// Starts the process's main task.
  func start(_ body: @escaping @Sendable () async -> Void) {
    main = Task(executorPreference: self) { [self] in
      await body()
      isDone = true
    }
  }

  /// Runs a task besides the main one, and `ended` when it has done all of `body` while the process lived.
  func run(_ body: @escaping @Sendable () async -> Void, ended: @escaping () -> Void) {
    guard isAlive else { return }
    let ended = Ended(call: ended)
    Task(executorPreference: self) { [self] in
      await body()
      if isAlive { ended.call() }
    }
  }

  private struct Ended: @unchecked Sendable {
    let call: () -> Void
  }

  /// Runs one thing that is ready, drawn by `random`.
  func step(_ random: inout SplitMix64) {
    let strays = foreign.withLock { foreign in
      defer { foreign = [] }
      return foreign
    }
    if !strays.isEmpty {
      world.violate(.oneThread, "a task of \(name) was resumed by another thread")
      ready += strays.map { .job($0) }
    }
    let index = ready.count == 1 ? 0 : Int.random(in: 0..<ready.count, using: &random)
    run(ready.remove(at: index))
  }

  private func run(_ work: Work) {
    switch work {
    case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
    case .call(let action): action()
    }
  }

  // MARK: Signals

  /// SIGSTOP.
  func stop() {
    if state == .running { state = .stopped }
  }

  /// SIGCONT.
  func resume() {
    if state == .stopped { state = .running }
  }

  /// SIGKILL. The caller has cut off whatever the process could still reach.
  func kill() {
    guard isAlive else { return }
    state = .dead
    main?.cancel()
    for id in scheduled.keys.sorted() { if let action = scheduled[id] { ready.append(.call(action)) } }
    scheduled = [:]
    var steps = 0
    while !ready.isEmpty, steps < Self.unwindingMax {
      run(ready.removeFirst())
      steps += 1
    }
    if main != nil, !isDone { world.violate(.cleanEnd, "\(name) left a task that does not end when it is cancelled") }
    main = nil
    world.remove(self)
  }

  // MARK: Time

  /// - Throws: `CancellationError`.
  func sleep(for duration: Duration) async throws {
    lastSleeper += 1
    let id = lastSleeper
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        guard !Task.isCancelled, isAlive else { return continuation.resume(throwing: CancellationError()) }
        sleepers[id] = continuation
        let lateness = world.random.duration(.zero...Self.latenessMax)
        world.after(max(.zero, duration) + lateness) { [weak self] in
          self?.sleepers.removeValue(forKey: id)?.resume()
        }
      }
    } onCancel: {
      sleepers.removeValue(forKey: id)?.resume(throwing: CancellationError())
    }
  }
}
