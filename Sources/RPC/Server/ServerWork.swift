/// A handler that is to be run for one call: in which task, its host decides.
///
/// The host runs `run` in a task. If the task suspends before `run` is done, the host says `suspended(in:)`, so that
/// whoever ends the call can cancel the task; and `ended` once `run` is done, if the task lives on for other calls.
public struct ServerWork: Sendable {
  let call: ServerCall
  let route: Route
  let rules: ServerRules

  nonisolated(nonsending) public func run() async {
    await call.run(route.handler, interceptors: rules.router.interceptors, observer: rules.observer)
  }

  public func suspended(in task: Task<Void, Never>) {
    call.suspended(in: task)
  }

  public func ended() {
    call.handlerEnded()
  }
}
