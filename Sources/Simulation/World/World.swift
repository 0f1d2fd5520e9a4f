internal import Glibc

/// One thread, one virtual clock, one source of chance: runs the processes of a simulated cluster step by step.
///
/// Whoever is ready to run is drawn; when nobody is, the clock jumps to what is due next. A step is a job of a Swift task
/// or a call of the simulation itself, and runs to its end. All of it happens on the thread that made the world, which
/// `World` and its processes watch over: nothing in the simulation needs a lock, hence the unchecked conformance.
package final class World: @unchecked Sendable {
  package let seed: UInt64
  /// Since the start.
  package private(set) var now: Duration = .zero
  package private(set) var steps = 0
  package private(set) var violations: [Violation] = []
  /// For whoever has no generator of its own.
  var random: SplitMix64
  private(set) var trace: Trace

  private var schedule: SplitMix64
  private var timers = TimerQueue()
  private var processes: [SimulatedProcess] = []
  private var stepsNow = 0
  private let thread = pthread_self()
  /// Deadlines of calls are instants of the continuous clock; here they are this one plus virtual time.
  private let origin = ContinuousClock.now

  /// Steps at one virtual instant, after which somebody waits for time without letting it pass.
  static let stepsAtOnceMax = 200_000
  /// Violations that one run reports; a run with so many is broken in one way.
  static let violationsMax = 20

  /// - Parameter listener: Gets every line of the trace.
  package init(seed: UInt64, listener: ((String) -> Void)? = nil) {
    self.seed = seed
    var random = SplitMix64(seed: seed)
    schedule = random.fork()
    self.random = random
    trace = Trace(listener: listener)
  }

  var instant: ContinuousClock.Instant { origin.advanced(by: now) }

  var isOnThread: Bool { pthread_equal(pthread_self(), thread) != 0 }

  // MARK: Time

  /// Runs `action` after `delay`, between steps.
  func after(_ delay: Duration, _ action: @escaping () -> Void) {
    precondition(isOnThread, "the simulation was entered from another thread")
    timers.add(due: now + max(.zero, delay), action)
  }

  // MARK: Running

  func add(_ process: SimulatedProcess) {
    processes.append(process)
  }

  /// Forgets a process that is dead and unwound.
  func remove(_ process: SimulatedProcess) {
    processes.removeAll { $0 === process }
  }

  /// Runs until `isDone`, a violation or `limit` on the virtual clock.
  ///
  /// - Returns: Whether it is done.
  package func run(until limit: Duration, _ isDone: () -> Bool) -> Bool {
    while !isDone() {
      guard violations.isEmpty else { return false }
      if step() { continue }
      guard let due = timers.nextDue, due <= limit else {
        now = limit
        return isDone()
      }
      guard let timer = timers.pop() else { continue }
      if timer.due > now {
        now = timer.due
        stepsNow = 0
      }
      timer.action()
    }
    return true
  }

  /// Runs one step of one process that has something to do.
  private func step() -> Bool {
    let ready = processes.filter(\.isReady)
    guard !ready.isEmpty else { return false }
    let process = ready.count == 1 ? ready[0] : ready[Int.random(in: 0..<ready.count, using: &schedule)]
    steps += 1
    stepsNow += 1
    if stepsNow > Self.stepsAtOnceMax {
      violate(.livelock, "\(process.name) and others took \(stepsNow) steps at one instant")
      return false
    }
    trace.mix(UInt64(bitPattern: Int64(process.number)))
    process.step(&schedule)
    return true
  }

  /// Forgets what was to happen, which holds on to everybody it would happen to.
  func end() {
    timers = TimerQueue()
  }

  // MARK: The record

  func note(_ who: String, _ what: String) {
    trace.note(now, who, what)
  }

  /// A promise is broken: the run ends.
  func violate(_ invariant: Invariant, _ what: String) {
    note("INVARIANT", "\(invariant.rawValue): \(what)")
    guard violations.count < Self.violationsMax else { return }
    violations.append(Violation(invariant: invariant, time: now, what: what))
  }
}
