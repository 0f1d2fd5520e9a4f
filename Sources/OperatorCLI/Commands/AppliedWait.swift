internal import RPC
internal import Synchronization
internal import Wire

/// `--wait`: follows the generations of a change until the racks serve them.
struct AppliedWait {
  let region: RegionConnection
  let timeout: DurationArgument

  /// Says on stderr what each rack applied, as it happens.
  ///
  /// - Throws: `CommandFailure(.waitTimedOut)` naming a subnet that is not there yet and why.
  func callAsFunction(
    _ generations: [MusterV1.SubnetGeneration], leaving agent: String = "",
    prints line: (@Sendable (MusterV1.WaitAppliedResponse) -> String)? = nil
  ) async throws {
    guard !generations.isEmpty else { return }
    var request = MusterV1.WaitAppliedRequest()
    request.generations = generations
    request.leaving = agent
    let progress = WaitProgress(generations)
    do {
      try await MusterV1.SubnetServiceClient(channel: region.channel).waitApplied(
        request, options: region.streamingOptions(timeout: timeout.duration)
      ) { responses in
        for try await response in responses {
          progress.note(response)
          if response.applied { region.surroundings.note(line?(response) ?? Self.line(response)) }
        }
      }
    } catch let error as RPCError where error.code == .deadlineExceeded {
      throw progress.failure(after: timeout)
    }
  }

  static func line(_ response: MusterV1.WaitAppliedResponse) -> String {
    var text = "\(response.agent) applied generation \(response.generation)"
    if let lag = response.lag {
      text += " in \(Age.precise(nanoseconds: lag.seconds * 1_000_000_000 + Int64(lag.nanos)))"
    }
    return response.detail.isEmpty ? text : text + ", " + response.detail
  }
}

/// What a wait has seen so far.
final class WaitProgress: Sendable {
  private struct State {
    var pending: [String: UInt64]
    var reasons: [String: String] = [:]
    var agents: [String: String] = [:]
  }
  private let state: Mutex<State>

  init(_ generations: [MusterV1.SubnetGeneration]) {
    var pending: [String: UInt64] = [:]
    for generation in generations { pending[generation.subnet] = generation.generation }
    state = Mutex(State(pending: pending))
  }

  func note(_ response: MusterV1.WaitAppliedResponse) {
    state.withLock { state in
      if response.applied {
        state.pending[response.subnet] = nil
      } else {
        state.reasons[response.subnet] = response.detail
        state.agents[response.subnet] = response.agent
      }
    }
  }

  func failure(after timeout: DurationArgument) -> CommandFailure {
    state.withLock { state in
      guard let (subnet, generation) = state.pending.min(by: { $0.key < $1.key }) else {
        return CommandFailure(.waitTimedOut, "the region did not confirm in \(timeout). Look with 'muster status'.")
      }
      var text = "generation \(generation) of \(subnet) is saved but not applied after \(timeout)"
      if let reason = state.reasons[subnet], !reason.isEmpty { text += ": \(reason)" }
      text += "."
      text += " It will apply \(Self.moment(subnet, state)); do not repeat the command."
      if state.pending.count > 1 { text += " \(state.pending.count - 1) more subnets are behind as well." }
      return CommandFailure(.waitTimedOut, text)
    }
  }
  /// When a generation is applied after all. An agent that is there returns from nowhere: it is slow, or has trouble that
  /// was named.
  private static func moment(_ subnet: String, _ state: State) -> String {
    guard let agent = state.agents[subnet], !agent.isEmpty else { return "when an agent serves \(subnet)" }
    let isAway = [" silent for ", " was never online"].contains { state.reasons[subnet]?.contains($0) == true }
    return isAway ? "when \(agent) returns" : "as soon as \(agent) can"
  }
}
