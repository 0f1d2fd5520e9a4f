internal import Synchronization
package import Provisioning
package import Store

/// Something that may have changed in the store. A topic carries no data: whoever is woken reads the store.
package enum Topic: Sendable, Hashable {
  /// A subnet's head moved.
  case head(DHCPSubnetID)
  /// A subnet's applied generation, quarantine, trouble or owner changed.
  case applied(DHCPSubnetID)
  /// Which subnets the agent owns may have changed.
  case assignments(AgentName)
  /// The agent was changed or removed.
  case agent(AgentName)
  /// The set of boot profiles has a new revision.
  case profiles
  /// Events were recorded.
  case events
  /// The session's own state changed.
  case session
}

/// Tells whoever waits that a commit concerned it. Nothing is queued, nothing is lost: a wake only says "look again".
package final class FeedHub: Sendable {
  private struct State {
    var subscribers: [Topic: [ObjectIdentifier: Subscriber]] = [:]
    var subscriptions: UInt64 = 0

    func subscribers(to topic: Topic) -> [Subscriber] {
      guard let all = subscribers[topic] else { return [] }
      return all.count == 1 ? Array(all.values) : all.values.sorted { $0.number < $1.number }
    }
  }

  /// Woken in the order they came, so that a run can be repeated.
  private struct Subscriber {
    var number: UInt64
    var signal: WakeSignal<Topic>
  }

  private let state = Mutex(State())

  package init() {}

  /// Raises `topics` for all who subscribed to them. Called after the commit, never before.
  package func wake(_ topics: some Sequence<Topic>) {
    for topic in topics {
      for subscriber in state.withLock({ $0.subscribers(to: topic) }) { subscriber.signal.raise(topic) }
    }
  }

  package func wake(_ topics: Topic...) {
    wake(topics)
  }

  /// Wakes whoever a commit concerns; the store calls it after each.
  package func publish(_ notice: CommitNotice) {
    if notice.isEverything {
      let all = state.withLock { state in
        state.subscribers.flatMap { topic, subscribers in subscribers.values.map { (topic: topic, subscriber: $0) } }
      }
      for (topic, subscriber) in all.sorted(by: { $0.subscriber.number < $1.subscriber.number }) {
        subscriber.signal.raise(topic)
      }
      return
    }
    wake(notice.heads.keys.sorted().lazy.map { .head($0) })
    wake(notice.progress.sorted().lazy.map { .applied($0) })
    wake(notice.assignments.sorted().lazy.map { .assignments($0) })
    wake(notice.agents.sorted().lazy.map { .agent($0) })
    if notice.profiles { wake(.profiles) }
    if notice.events { wake(.events) }
  }

  package func subscribe(_ signal: WakeSignal<Topic>, to topics: some Sequence<Topic>) {
    state.withLock { state in
      for topic in topics {
        state.subscriptions += 1
        state.subscribers[topic, default: [:]][ObjectIdentifier(signal)] = Subscriber(
          number: state.subscriptions, signal: signal)
      }
    }
  }

  package func unsubscribe(_ signal: WakeSignal<Topic>, from topics: some Sequence<Topic>) {
    state.withLock { state in
      for topic in topics {
        state.subscribers[topic]?[ObjectIdentifier(signal)] = nil
        if state.subscribers[topic]?.isEmpty == true { state.subscribers[topic] = nil }
      }
    }
  }

  /// Runs `body` with a signal that is subscribed to `topics` while it runs.
  package func withSubscription<Value: Sendable>(
    to topics: [Topic], _ body: (WakeSignal<Topic>) async throws -> Value
  ) async throws -> Value {
    let signal = WakeSignal<Topic>()
    subscribe(signal, to: topics)
    defer { unsubscribe(signal, from: topics) }
    return try await body(signal)
  }
}
