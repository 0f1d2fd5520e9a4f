internal import Provisioning

extension FieldTable where Draft == NodeDraft {
  static let node = FieldTable(
    settable: [
      "tags": { $0.tags = $1.tags },
      "boot_profile": { $0.bootProfile = $1.bootProfile },
      "boot_once": { $0.bootOnce = $1.bootOnce },
      "interfaces": { $0.interfaces = $1.interfaces },
      "bmc": { ($0.bmcAddress, $0.bmcMAC) = ($1.bmcAddress, $1.bmcMAC) },
      "bmc.address": { $0.bmcAddress = $1.bmcAddress },
      "bmc.mac": { $0.bmcMAC = $1.bmcMAC },
      "serial": { $0.serial = $1.serial },
      "uuid": { $0.uuid = $1.uuid },
      "location": { $0.location = $1.location },
    ],
    immutable: [:],
    outputOnly: ["uid", "revision", "state", "hardware", "status", "create_time", "update_time"],
    mask: "update_mask")
}

extension FieldTable where Draft == SubnetDraft {
  static let subnet = FieldTable(
    settable: [
      "vlan": { $0.vlan = $1.vlan },
      "gateway": { $0.gateway = $1.gateway },
      "pools": { $0.pools = $1.pools },
      "dns_servers": { $0.dnsServers = $1.dnsServers },
      "domain": { $0.domain = $1.domain },
      "ntp_servers": { $0.ntpServers = $1.ntpServers },
      "lease": { $0.leaseSeconds = $1.leaseSeconds },
      "dhcp_enabled": { $0.isDHCPOn = $1.isDHCPOn },
      "relays": { $0.relays = $1.relays },
      "agents": { $0.agents = $1.agents },
    ],
    immutable: [
      "name": { $0.name == $1.name },
      "fabric": { ($0.fabric.isEmpty ? FabricName.default.text : $0.fabric) == $1.fabric },
      "prefix": { $0.prefix == $1.prefix },
    ],
    outputOnly: ["uid", "revision", "dhcp_id", "create_time", "update_time", "status"],
    mask: "update_mask")
}

extension FieldTable where Draft == BootProfileDraft {
  static let bootProfile = FieldTable(
    settable: [
      "kind": { $0.kind = $1.kind },
      "kernel": { $0.kernel = $1.kernel },
      "initrds": { $0.initrds = $1.initrds },
      "arguments": { $0.arguments = $1.arguments },
    ],
    immutable: ["name": { $0.name == $1.name }],
    outputOnly: ["uid", "revision", "files"],
    mask: "update_mask")
}
