internal import Provisioning
internal import Pserv

/// What one machine is told to boot: a pure function of the answer.
///
/// iPXE has no quoting: a command ends at the line's end, `${` begins a setting, `||` and `&&` join commands and `#` a
/// comment. Everything that stands in a script is one of our own words or a type that cannot hold any of these.
struct BootScript: Sendable, Hashable {
  let text: String
  /// Why the machine does not boot what the operator wanted; `nil` if it does.
  let failure: String?

  /// How long a machine waits before it asks again for a file that was not there.
  private static let retrySeconds = 10

  init(for answer: BootAnswer, mac: MACAddress, urls: BootURLs) {
    switch answer {
    case .known(let machine):
      guard let profile = machine.profile else {
        self.init(lines: Self.localDisk, failure: "boot profile \(machine.profileName) is not known here yet")
        return
      }
      switch profile.kind {
      case .local: self.init(lines: Self.localDisk, failure: nil)
      case .kernel(let image): self.init(lines: Self.boot(image, mac: mac, urls: urls), failure: nil)
      }
    case .unknown(let profile, _):
      switch profile.kind {
      case .local: self.init(lines: Self.enlistByLoader(urls), failure: nil)
      case .kernel(let image): self.init(lines: Self.boot(image, mac: mac, urls: urls), failure: nil)
      }
    case .notServed:
      self.init(lines: Self.localDisk, failure: nil)
    }
  }

  private init(lines: [String], failure: String?) {
    text = (["#!ipxe"] + lines).joined(separator: "\n") + "\n"
    self.failure = failure
  }

  /// Leaves to the disk. UEFI firmware goes on to its next boot entry by itself; a BIOS has forgotten the disk by then.
  /// A script that ends without an error is a boot that succeeded.
  private static let localDisk = [
    "iseq ${platform} efi && exit ||",
    "sanboot --no-describe --drive 0x80 || exit",
  ]

  /// UEFI kernels look their initrds up by name, so each gets one of its own.
  private static func boot(_ image: BootImage, mac: MACAddress, urls: BootURLs) -> [String] {
    let names = image.initrds.indices.map { "initrd\($0)" }
    var words = names.map { "initrd=\($0)" }
    if !image.arguments.isEmpty { words.append(image.arguments.text) }
    words.append("muster.phone_home=\(urls.phoneHome)")
    words.append("BOOTIF=01-\(mac.description.map { $0 == ":" ? "-" : String($0) }.joined())")
    var lines = ["kernel \(urls.file(image.kernel, mac)) \(words.joined(separator: " ")) || goto failed"]
    for (name, initrd) in zip(names, image.initrds) {
      lines.append("initrd --name \(name) \(urls.file(initrd, mac)) || goto failed")
    }
    return lines + [
      "boot || goto failed",
      ":failed",
      "echo muster: this machine cannot boot its profile, asking again in \(retrySeconds) s",
      "imgfree",
      "sleep \(retrySeconds)",
      "chain --replace \(urls.script(mac))",
    ]
  }

  /// Without an image to enlist with, the loader itself says what it knows of the machine.
  private static func enlistByLoader(_ urls: BootURLs) -> [String] {
    [":again", "chain --replace \(urls.enlist) ||", "sleep \(retrySeconds)", "goto again"]
  }

  /// After an enlistment by the loader.
  static func enlisted(_ outcome: PhoneHomeOutcome, mac: MACAddress, urls: BootURLs) -> BootScript {
    switch outcome {
    case .known, .enlisted, .notServed: BootScript(lines: localDisk, failure: nil)
    case .busy(let wait):
      BootScript(
        lines: ["sleep \(max(1, wait.components.seconds))", "chain --replace \(urls.script(mac))"], failure: nil)
    }
  }
}

/// The URLs of the agent at one of its addresses.
struct BootURLs: Sendable, Hashable {
  var address: IPv4Address
  var port: Int

  private var base: String { "http://\(address):\(port)" }

  var phoneHome: String { base + "/v1/phone-home" }

  func script(_ mac: MACAddress) -> String { base + "/v1/boot.ipxe?mac=\(mac)" }

  /// The machine's address goes with it, so that a missing file can be told of the machine that missed it.
  func file(_ path: BootPath, _ mac: MACAddress) -> String { base + "/boot/\(path)?mac=\(mac)" }

  /// iPXE fills in what it knows of the machine, percent-encoded.
  var enlist: String {
    base + "/v1/enlist.ipxe?mac=${netX/mac:hexhyp}&serial=${serial:uristring}&uuid=${uuid}&platform=${platform}"
      + "&memory_mib=${memsize}"
  }
}
