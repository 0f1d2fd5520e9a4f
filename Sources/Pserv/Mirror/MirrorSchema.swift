internal import GRDB

/// The mirror's tables. Migrations are only ever added at the end.
enum MirrorSchema {
  /// In `binding.copy`.
  static let receivedCopy = 0
  static let appliedCopy = 1

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 mirror") { db in
      try db.execute(
        sql: """
          CREATE TABLE meta (
            key TEXT PRIMARY KEY,
            value BLOB NOT NULL
          ) WITHOUT ROWID;

          -- What the region said. A row stays for ever once its subnet was assigned here: it holds the newest epoch.
          CREATE TABLE subnet (
            dhcp_id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            epoch_max INTEGER NOT NULL,
            is_owned INTEGER NOT NULL,
            incarnation BLOB NOT NULL,
            generation INTEGER NOT NULL,
            digest BLOB NOT NULL,
            header BLOB,
            header_generation INTEGER NOT NULL,
            blocked_by INTEGER,
            blocked_header_generation INTEGER
          );

          -- What is served.
          CREATE TABLE applied_subnet (
            dhcp_id INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            incarnation BLOB NOT NULL,
            digest BLOB NOT NULL,
            header BLOB NOT NULL,
            header_generation INTEGER NOT NULL,
            interface TEXT,
            agent_address INTEGER,
            is_relayed INTEGER,
            answers_dhcp INTEGER NOT NULL,
            leases_left BLOB NOT NULL
          );

          -- Both copies: 0 received, 1 applied.
          CREATE TABLE binding (
            copy INTEGER NOT NULL,
            dhcp_id INTEGER NOT NULL,
            mac INTEGER NOT NULL,
            row BLOB NOT NULL,
            PRIMARY KEY (copy, dhcp_id, mac)
          ) WITHOUT ROWID;

          -- The quarantine, with the row as it was refused.
          CREATE TABLE rejected (
            dhcp_id INTEGER NOT NULL,
            mac INTEGER NOT NULL,
            row BLOB NOT NULL,
            code TEXT NOT NULL,
            words TEXT NOT NULL,
            PRIMARY KEY (dhcp_id, mac)
          ) WITHOUT ROWID;

          CREATE TABLE boot_once_use (
            dhcp_id INTEGER NOT NULL,
            mac INTEGER NOT NULL,
            token INTEGER NOT NULL,
            PRIMARY KEY (dhcp_id, mac)
          ) WITHOUT ROWID;

          CREATE TABLE enlistment (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            dhcp_id INTEGER NOT NULL,
            report BLOB NOT NULL,
            time INTEGER NOT NULL
          );
          CREATE INDEX enlistment_report ON enlistment (dhcp_id, report);
          """)
    }
    migrator.registerMigration("2 handover") { db in
      try db.execute(
        sql: """
          -- Subnets whose former owner's leases the daemon does not have yet. NULL: they are still to come.
          CREATE TABLE handover (
            dhcp_id INTEGER PRIMARY KEY,
            leases BLOB
          );
          """)
    }
    migrator.registerMigration("3 boot-once scripts") { db in
      // Before, only orders that were used up had a row.
      try db.execute(sql: "ALTER TABLE boot_once_use ADD COLUMN is_used_up INTEGER NOT NULL DEFAULT 1")
    }
    return migrator
  }
}
