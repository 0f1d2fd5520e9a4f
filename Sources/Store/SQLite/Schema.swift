/// The database's structure, as steps that only go forward. A step that was released never changes.
enum Schema {
  /// "MSTR": marks the file as ours.
  static let applicationID: Int64 = 0x4d53_5452

  /// Step n makes schema n out of n − 1.
  static let steps: [String] = [first, second, third]

  /// The newest schema this program knows.
  static var known: Int { steps.count }

  private static let first = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE subnets (
      dhcp_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, fabric TEXT NOT NULL, first INTEGER NOT NULL,
      owner TEXT, epoch INTEGER NOT NULL,
      head INTEGER NOT NULL, digest BLOB NOT NULL, header_generation INTEGER NOT NULL, header_hash BLOB NOT NULL,
      collected INTEGER NOT NULL, bindings INTEGER NOT NULL, reservations INTEGER NOT NULL,
      applied INTEGER NOT NULL, applied_digest BLOB NOT NULL, applied_at INTEGER, changed_at INTEGER NOT NULL,
      rejected INTEGER NOT NULL, trouble_code TEXT, trouble_message TEXT,
      auto_cursor INTEGER, retired BLOB NOT NULL, document BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX subnets_prefix ON subnets (fabric, first);
    CREATE INDEX subnets_order ON subnets (first, dhcp_id);
    CREATE INDEX subnets_owner ON subnets (owner, first, dhcp_id);

    CREATE TABLE nodes (
      uid BLOB PRIMARY KEY, sort_key BLOB NOT NULL UNIQUE, name TEXT NOT NULL, phase INTEGER NOT NULL,
      serial TEXT, uuid BLOB, profile TEXT NOT NULL, once TEXT, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX nodes_phase ON nodes (phase, sort_key);
    CREATE INDEX nodes_serial ON nodes (serial) WHERE serial IS NOT NULL;
    CREATE INDEX nodes_uuid ON nodes (uuid) WHERE uuid IS NOT NULL;
    CREATE INDEX nodes_profile ON nodes (profile) WHERE profile <> 'local';
    CREATE INDEX nodes_once ON nodes (once) WHERE once IS NOT NULL;

    CREATE TABLE interfaces (
      mac INTEGER NOT NULL, fabric TEXT NOT NULL, node BLOB NOT NULL, name TEXT NOT NULL, node_name TEXT NOT NULL,
      dhcp_id INTEGER, sort_key BLOB NOT NULL, PRIMARY KEY (mac, fabric)) STRICT, WITHOUT ROWID;
    CREATE INDEX interfaces_subnet ON interfaces (dhcp_id, sort_key, node) WHERE dhcp_id IS NOT NULL;
    CREATE TABLE tags (
      tag TEXT NOT NULL, sort_key BLOB NOT NULL, node BLOB NOT NULL, PRIMARY KEY (tag, sort_key)) STRICT, WITHOUT ROWID;

    CREATE TABLE bindings (
      dhcp_id INTEGER NOT NULL, mac INTEGER NOT NULL, generation INTEGER NOT NULL, node BLOB, address INTEGER,
      hostname TEXT, profile TEXT, once TEXT, once_token INTEGER, hash BLOB,
      PRIMARY KEY (dhcp_id, mac)) STRICT, WITHOUT ROWID;
    CREATE INDEX bindings_feed ON bindings (dhcp_id, generation, mac);
    CREATE UNIQUE INDEX bindings_address ON bindings (dhcp_id, address) WHERE address IS NOT NULL;
    CREATE INDEX bindings_tombstones ON bindings (dhcp_id, generation) WHERE node IS NULL;
    CREATE TABLE held_addresses (
      dhcp_id INTEGER NOT NULL, address INTEGER NOT NULL, mac INTEGER NOT NULL, generation INTEGER NOT NULL,
      since INTEGER NOT NULL, acknowledged INTEGER NOT NULL, lease_ends INTEGER NOT NULL,
      PRIMARY KEY (dhcp_id, address)) STRICT, WITHOUT ROWID;
    CREATE INDEX held_waiting ON held_addresses (dhcp_id, generation) WHERE acknowledged = 0;
    CREATE INDEX held_ending ON held_addresses (lease_ends) WHERE acknowledged = 1;
    CREATE TABLE rejections (
      dhcp_id INTEGER NOT NULL, mac INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
      PRIMARY KEY (dhcp_id, mac)) STRICT, WITHOUT ROWID;
    CREATE TABLE leases (
      dhcp_id INTEGER NOT NULL, address INTEGER NOT NULL, mac INTEGER NOT NULL, until INTEGER NOT NULL,
      PRIMARY KEY (dhcp_id, address)) STRICT, WITHOUT ROWID;
    CREATE INDEX leases_mac ON leases (dhcp_id, mac);
    CREATE INDEX leases_until ON leases (until);
    CREATE TABLE boot_reports (
      node BLOB NOT NULL, stage INTEGER NOT NULL, time INTEGER NOT NULL, succeeded INTEGER NOT NULL,
      detail TEXT NOT NULL, agent TEXT, PRIMARY KEY (node, stage)) STRICT, WITHOUT ROWID;

    CREATE TABLE agents (
      name TEXT PRIMARY KEY, sort_key BLOB NOT NULL UNIQUE, token BLOB, token_expires INTEGER, attempt BLOB,
      credential BLOB, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX agents_credential ON agents (credential) WHERE credential IS NOT NULL;
    CREATE TABLE agent_addresses (
      fabric TEXT NOT NULL, address INTEGER NOT NULL, agent TEXT NOT NULL,
      PRIMARY KEY (fabric, address, agent)) STRICT, WITHOUT ROWID;
    CREATE INDEX agent_addresses_agent ON agent_addresses (agent);
    CREATE TABLE boot_files (
      agent TEXT NOT NULL, path TEXT NOT NULL, sha256 BLOB, size INTEGER NOT NULL,
      PRIMARY KEY (agent, path)) STRICT, WITHOUT ROWID;

    CREATE TABLE boot_profiles (name TEXT PRIMARY KEY, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, node TEXT, document BLOB NOT NULL) STRICT;
    CREATE INDEX events_node ON events (node, id) WHERE node IS NOT NULL;
    CREATE TABLE requests (
      key BLOB PRIMARY KEY, time INTEGER NOT NULL, fingerprint BLOB NOT NULL,
      outcome BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX requests_time ON requests (time);
    """

  /// Subnets that were removed while an agent served them.
  private static let second = """
    CREATE TABLE retired_subnets (
      dhcp_id INTEGER PRIMARY KEY, name TEXT NOT NULL, fabric TEXT NOT NULL, first INTEGER NOT NULL,
      length INTEGER NOT NULL, owner TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX retired_subnets_prefix ON retired_subnets (fabric, first);
    CREATE INDEX retired_subnets_owner ON retired_subnets (owner);
    """

  /// Leases of subnets that were removed: a new subnet with the same addresses begins with them.
  private static let third = """
    CREATE TABLE former_leases (
      fabric TEXT NOT NULL, address INTEGER NOT NULL, mac INTEGER NOT NULL, until INTEGER NOT NULL,
      PRIMARY KEY (fabric, address)) STRICT, WITHOUT ROWID;
    CREATE INDEX former_leases_until ON former_leases (until);
    """
}
