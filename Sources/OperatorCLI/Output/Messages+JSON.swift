internal import RPC
internal import Wire

// The JSON of the client: proto's snake_case names in the order of the proto file, enums without their prefix,
// times as RFC 3339. What `export` prints, `import` reads.

extension GoogleProtobuf.Timestamp? {
  var json: JSONValue { self.map { .string($0.text) } ?? .string("") }
}

extension MusterV1.SubnetGeneration {
  var json: JSONValue { .object(["subnet": .string(subnet), "generation": .unsigned(generation)]) }
}

extension MusterV1.Node {
  var json: JSONValue {
    .object([
      "name": .string(name), "uid": .string(uid), "revision": .unsigned(revision), "state": .string(state.word),
      "tags": .strings(tags), "boot_profile": .string(bootProfile), "boot_once": .string(bootOnce),
      "interfaces": .array(interfaces.map(\.json)),
      "bmc": .object(["address": .string(bmc?.address ?? ""), "mac": .string(bmc?.mac ?? "")]),
      "serial": .string(serial), "uuid": .string(uuid), "location": .string(location),
      "hardware": hardware?.json ?? .null, "status": status?.json ?? .null,
      "create_time": createTime.json, "update_time": updateTime.json,
    ])
  }
}

extension MusterV1.NetworkInterface {
  var json: JSONValue {
    .object([
      "name": .string(name), "mac": .string(mac), "subnet": .string(subnet), "address": .string(address),
      "boot": .bool(boot),
    ])
  }
}

extension MusterV1.Hardware {
  var json: JSONValue {
    .object([
      "firmware": .string(firmware), "memory_mib": .unsigned(memoryMib), "cpu_count": .unsigned(UInt64(cpuCount)),
      "cpu_model": .string(cpuModel),
    ])
  }
}

extension MusterV1.NodeStatus {
  var json: JSONValue {
    .object([
      "served": .bool(served), "agent": .string(agent), "epoch": .unsigned(epoch), "head": .unsigned(head),
      "applied": .unsigned(applied), "reason": .string(reason), "boot_stage": .string(bootStage.jsonWord),
      "boot_time": bootTime.json,
    ])
  }
}

extension MusterV1.Subnet {
  var json: JSONValue {
    .object([
      "name": .string(name), "uid": .string(uid), "revision": .unsigned(revision),
      "dhcp_id": .unsigned(UInt64(dhcpId)), "fabric": .string(fabric), "prefix": .string(prefix),
      "vlan": .unsigned(UInt64(vlan)), "gateway": .string(gateway), "pools": .strings(pools),
      "dns_servers": .strings(dnsServers), "domain": .string(domain), "ntp_servers": .strings(ntpServers),
      "lease": .string(lease.map { "\($0.seconds)s" } ?? ""), "dhcp_enabled": .bool(dhcpEnabled),
      "relays": .strings(relays), "agents": .strings(agents), "status": status?.json ?? .null,
      "create_time": createTime.json, "update_time": updateTime.json,
    ])
  }
}

extension MusterV1.SubnetStatus {
  var json: JSONValue {
    .object([
      "owner": .string(owner), "epoch": .unsigned(epoch), "head": .unsigned(head), "applied": .unsigned(applied),
      "nodes": .unsigned(nodes), "pool_size": .unsigned(poolSize), "pool_used": .unsigned(poolUsed),
      "quarantined": .unsigned(UInt64(quarantined)), "reason": .string(reason), "digest": .string(digest),
    ])
  }
}

extension MusterV1.BootProfile {
  var json: JSONValue {
    .object([
      "name": .string(name), "uid": .string(uid), "revision": .unsigned(revision),
      "kind": .string(kind.word), "kernel": .string(kernel), "initrds": .strings(initrds),
      "arguments": .string(arguments),
      "files": .array(
        files.map { file in
          .object([
            "agent": .string(file.agent), "path": .string(file.path), "sha256": .string(file.sha256),
            "size_bytes": .unsigned(file.sizeBytes),
          ])
        }),
    ])
  }
}

extension MusterV1.BootProfileKind {
  var word: String {
    switch self {
    case .local: "LOCAL"
    case .kernel: "KERNEL"
    case .unspecified, .unrecognized: ""
    }
  }
}

extension MusterV1.Agent {
  var json: JSONValue {
    .object([
      "name": .string(name), "uid": .string(uid), "state": .string(state.word.uppercased()),
      "links": .array(
        links.map { link in
          .object([
            "interface": .string(link.interface), "fabric": .string(link.fabric),
            "addresses": .strings(link.addresses), "up": .bool(link.up),
          ])
        }),
      "subnets": .unsigned(UInt64(subnets)), "behind": .unsigned(UInt64(behind)),
      "lag_seconds": .integer(lag?.seconds ?? 0), "nodes": .unsigned(nodes), "last_seen_time": lastSeenTime.json,
      "version": .string(version), "session_epoch": .unsigned(sessionEpoch), "warnings": .strings(warnings),
    ])
  }
}

extension MusterV1.SubnetMove {
  var json: JSONValue {
    .object([
      "subnet": .string(subnet), "from": .string(from), "to": .string(to), "nodes": .unsigned(nodes),
      "epoch": .unsigned(epoch),
    ])
  }
}

extension MusterV1.Event {
  var json: JSONValue {
    .object([
      "id": .unsigned(id), "time": time.json, "kind": .string(kind), "node": .string(node),
      "subnet": .string(subnet), "agent": .string(agent), "mac": .string(mac), "address": .string(address),
      "actor": .string(actor), "message": .string(message),
    ])
  }
}

extension MusterV1.GetStatusResponse {
  var json: JSONValue {
    .object([
      "version": .string(version), "start_time": startTime.json, "healthy": .bool(healthy),
      "subnets": .unsigned(subnets), "subnets_served": .unsigned(subnetsServed), "nodes": .unsigned(nodes),
      "subnets_behind": .unsigned(subnetsBehind), "changes_behind": .unsigned(changesBehind),
      "nodes_served": .unsigned(nodesServed), "nodes_behind": .unsigned(nodesBehind), "nodes_new": .unsigned(nodesNew),
      "problems": .array(
        problems.map { problem in
          .object([
            "subject": .string(problem.subject), "code": .string(problem.code), "message": .string(problem.message),
            "fix": .string(problem.fix),
          ])
        }),
      "agents": .array(agents.map(\.json)),
    ])
  }
}

extension MusterV1.NodeState {
  /// As in JSON and on the command line: `READY`.
  var word: String {
    switch self {
    case .new: "NEW"
    case .commissioning: "COMMISSIONING"
    case .ready: "READY"
    case .allocated: "ALLOCATED"
    case .deploying: "DEPLOYING"
    case .deployed: "DEPLOYED"
    case .releasing: "RELEASING"
    case .failed: "FAILED"
    case .unspecified, .unrecognized: ""
    }
  }

  /// As in tables: `Ready`.
  var title: String { word.isEmpty ? "" : String(word.prefix(1)) + word.dropFirst().lowercased() }

  init?(title: String) {
    let all: [MusterV1.NodeState] = [
      .new, .commissioning, .ready, .allocated, .deploying, .deployed, .releasing, .failed,
    ]
    guard let state = all.first(where: { $0.word == title.uppercased() }) else { return nil }
    self = state
  }
}

extension MusterV1.BootStage {
  /// As in JSON: `PHONE_HOME`.
  var jsonWord: String { word == "-" ? "" : word.uppercased().split(separator: "-").joined(separator: "_") }

  /// As in tables and `--for`: `phone-home`.
  var word: String {
    switch self {
    case .discover: "discover"
    case .ack: "ack"
    case .loader: "loader"
    case .script: "script"
    case .kernel: "kernel"
    case .phoneHome: "phone-home"
    case .unspecified, .unrecognized: "-"
    }
  }
}
