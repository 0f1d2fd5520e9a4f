package import Settings

extension SettingKey {
  package static let name = SettingKey(
    path: "name", kind: .word, fallback: "", summary: "the agent's name in the region; default: the short host name")
  package static let regions = SettingKey(
    path: "regions", kind: .addresses, fallback: "127.0.0.1:7610", summary: "the region's addresses, tried in turn")
  package static let tokenFile = SettingKey(
    path: "token_file", kind: .path, fallback: "/etc/muster/pserv.token", summary: "file with the one-time enrolment token")
  package static let tlsCA = SettingKey(
    path: "tls.ca", kind: .path, fallback: "", summary: "certificates that sign the region's, PEM; not set: cleartext, loopback only")
  package static let state = SettingKey(
    path: "state", kind: .path, fallback: "/var/lib/muster/pserv", summary: "directory of what the agent remembers")
  package static let interfaces = SettingKey(
    path: "interfaces", kind: .interfaces, fallback: "", summary: "the interfaces that are served, each with its fabric")
  package static let dhcpBackend = SettingKey(
    path: "dhcp.backend", kind: .choice(["kea"]), fallback: "kea", summary: "the DHCP server")
  package static let foreignServer = SettingKey(
    path: "dhcp.foreign_server", kind: .choice(["refuse"]), fallback: "refuse",
    summary: "what to do when another DHCP server answers on a link")
  package static let probeTimeout = SettingKey(
    path: "dhcp.probe_timeout", kind: .duration, fallback: "2s", summary: "how long the DHCP server may take to answer a probe")
  package static let memoryMax = SettingKey(
    path: "dhcp.memory_max", kind: .size, fallback: "1GiB", summary: "memory above which the DHCP server is restarted")
  package static let dhcpUser = SettingKey(
    path: "dhcp.user", kind: .word, fallback: KeaAccount.preferred,
    summary: "account of the DHCP server when the agent is root; 'root' keeps root")
  package static let tftpListen = SettingKey(
    path: "tftp.listen", kind: .addresses, fallback: ":69", summary: "port of the loaders, on served links")
  package static let tftpRoot = SettingKey(
    path: "tftp.root", kind: .path, fallback: "", summary: "directory of the loaders; default: tftp below 'state'")
  package static let httpListen = SettingKey(
    path: "http.listen", kind: .addresses, fallback: ":7612", summary: "port of boot scripts, files and phone-home, on served links")
  package static let bootRoot = SettingKey(
    path: "boot.root", kind: .path, fallback: "/srv/muster/boot", summary: "directory of kernels and initrds")
  package static let healthListen = SettingKey(
    path: "health.listen", kind: .addresses, fallback: "127.0.0.1:7613", summary: "where to serve /healthz, /readyz and /metrics")
}

extension PservSettings {
  /// Every key there is, in the order of the file.
  package static let keys: [SettingKey] = [
    .name, .regions, .tokenFile, .tlsCA, .state, .interfaces, .dhcpBackend, .foreignServer, .probeTimeout, .memoryMax,
    .dhcpUser, .tftpListen, .tftpRoot, .httpListen, .bootRoot, .healthListen, .logLevel, .logFormat,
  ]
}
