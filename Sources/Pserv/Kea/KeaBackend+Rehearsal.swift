internal import Provisioning

extension KeaBackend {
  package func rehearse(_ state: RackState, from good: RackState) async throws -> Rehearsal {
    let rehearsed = RehearsedState(state)
    var links: [String: Set<IPv4Address>] = [:]
    for attachment in (state.answering + good.answering).compactMap(\.attachment) {
      links[attachment.interface, default: []].insert(attachment.agentAddress)
    }
    let scratch: ScratchKea
    do {
      scratch = try await ScratchKea.start(
        KeaConfiguration(good, settings: settings).bytes, links: links, settings: settings)
    } catch let error as CancellationError {
      throw error
    } catch {
      return .notPossible("no scratch copy of Kea can be started: \((error as? ScratchKea.Failure)?.words ?? "\(error)")")
    }
    do {
      let rehearsal = try await rehearse(rehearsed, on: scratch)
      await scratch.end()
      return rehearsal
    } catch {
      await scratch.end()
      throw error
    }
  }

  private func rehearse(_ rehearsed: RehearsedState, on scratch: ScratchKea) async throws -> Rehearsal {
    let reply: KeaReply
    do { reply = try await scratch.load(KeaConfiguration(rehearsed.state, settings: settings).bytes) } catch let error
      as CancellationError
    {
      throw error
    } catch {
      return .failed("a scratch copy of Kea ended or hung when it read this: \(error)")
    }
    guard reply.result == .success else { return .failed("Kea does not take it: \(reply.text)") }
    let probe = DHCPProbe(timeout: settings.probeTimeout, namespace: scratch.namespace)
    for target in rehearsed.targets {
      let link = LinkState(interface: target.attachment.interface, isUp: true, addresses: [])
      switch try await probe.ask(target, link: link) {
      case .answered, .wrongAddress: continue
      case .notPossible(let words): return .notPossible(words)
      case .deaf:
        let name = rehearsed.state[target.dhcpID]?.header.name.text ?? "\(target.dhcpID)"
        return .failed("with it, a scratch copy of Kea answers nobody in \(name)")
      }
    }
    return .answered
  }
}
