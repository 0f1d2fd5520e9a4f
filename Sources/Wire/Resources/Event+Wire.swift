package import Provisioning
internal import RPC

extension MusterV1.Event {
  package init(_ event: Event) {
    self.init(
      id: event.id, time: GoogleProtobuf.Timestamp(event.time), kind: event.kind.rawValue,
      node: event.node?.text ?? "", subnet: event.subnet?.text ?? "", agent: event.agent?.text ?? "",
      mac: event.mac?.description ?? "", address: event.address?.description ?? "", actor: event.actor.text,
      message: event.message)
  }
}
