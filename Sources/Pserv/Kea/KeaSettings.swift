internal import Glibc

/// Where one Kea lives and what it is told besides the rack's state. Fixed for the life of the agent.
///
/// The defaults are the only paths that Debian's AppArmor profile for Kea allows. A second rack on the same host takes
/// `inDirectory(_:)`.
package struct KeaSettings: Sendable, Hashable {
  package var executable = "/usr/sbin/kea-dhcp4"
  package var hooksDirectory: String
  /// Our own file, beside the package's `kea-dhcp4.conf` that stays untouched. Its last part must be
  /// `kea-dhcp4.conf`: Kea derives the name of its pid file from it.
  package var configuration = "/etc/kea/muster/kea-dhcp4.conf"
  /// At most 107 octets (`sun_path`).
  package var controlSocket = "/run/kea/kea4-ctrl-socket"
  package var leaseFile = "/var/lib/kea/kea-leases4.csv"
  package var pidDirectory = "/run/kea"
  package var lockDirectory = "/run/lock/kea"
  package var log = "/var/log/kea/kea-dhcp4.log"
  /// What Kea says before it has its log. Named like a rotated log, because the profile allows those.
  package var output = "/var/log/kea/kea-dhcp4.log.0"
  /// The account Kea runs under, with just the capabilities it needs; `nil` for the agent's own.
  package var user: String?
  /// Where the agent answers boot scripts.
  package var httpPort: UInt16 = 7612
  /// How long a probe, and the search for a foreign server, wait for an offer.
  package var probeTimeout: Duration = .seconds(2)
  /// Kea grows with every reload; past this it is started anew. Bytes.
  package var residentBytesMax = 1 << 30
  package var threads: Int
  package var atExit: DaemonsAtExit = .stop
  /// The links Kea and the probe work on; the agent's own but in tests.
  package var namespace: NetworkNamespace = .own

  /// Threads that answer; more than eight bring nothing on one memfile.
  private static let threadsMax = 8
  private static let socketPathOctetsMax = 107

  package init() {
    hooksDirectory = Self.findHooks() ?? "/usr/lib/x86_64-linux-gnu/kea/hooks"
    threads = min(Self.threadsMax, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Everything below one directory of this rack's own.
  package static func inDirectory(_ directory: String) -> KeaSettings {
    var settings = KeaSettings()
    settings.configuration = directory + "/kea-dhcp4.conf"
    settings.controlSocket = directory + "/kea4-ctrl-socket"
    settings.leaseFile = directory + "/kea-leases4.csv"
    settings.pidDirectory = directory
    settings.lockDirectory = directory
    settings.log = directory + "/kea-dhcp4.log"
    settings.output = directory + "/kea-dhcp4.out"
    return settings
  }

  /// What is wrong with the paths, before anything is written.
  package var problem: String? {
    if controlSocket.utf8.count > Self.socketPathOctetsMax {
      return "the path of Kea's control socket is longer than \(Self.socketPathOctetsMax) octets: \(controlSocket)"
    }
    if !configuration.hasSuffix("/kea-dhcp4.conf") {
      return "Kea's configuration must be named kea-dhcp4.conf: \(configuration)"
    }
    for path in [configuration, controlSocket, leaseFile, pidDirectory, lockDirectory, log, output]
    where !path.hasPrefix("/") {
      return "not an absolute path: \(path)"
    }
    return nil
  }

  var scratch: String { configuration + ".check" }
  var pidFile: String { pidDirectory + "/kea-dhcp4.kea-dhcp4.pid" }

  /// Debian keeps hooks below the machine's multiarch directory.
  private static func findHooks() -> String? {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob("/usr/lib/*/kea/hooks", 0, nil, &found) == 0, found.gl_pathc > 0, let first = found.gl_pathv[0] else {
      return nil
    }
    return String(cString: first)
  }
}

/// The files by which machines load iPXE, all from Debian's `ipxe` package.
package enum BootLoader: String, Sendable, Hashable, CaseIterable {
  case bios = "undionly.kpxe"
  /// Uses the firmware's own driver; a fifth of the size of `ipxe.efi`.
  case uefi = "snponly.efi"

  package var fileName: String { rawValue }
}
