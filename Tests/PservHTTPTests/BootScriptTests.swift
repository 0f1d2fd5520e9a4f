import Provisioning
import Testing

@testable import Pserv
@testable import PservHTTP

struct BootScriptTests {
  let urls = BootURLs(address: "10.1.0.1", port: 7612)
  let mac: MACAddress = "52:54:00:00:00:2a"

  private func script(_ profile: BootProfileSpec?, named name: ProfileName = "rescue") -> BootScript {
    let machine = KnownMachine(binding: TestView.binding(mac), place: TestView.place, profileName: name, profile: profile)
    return BootScript(for: .known(machine), mac: mac, urls: urls)
  }

  @Test func aMachineLeavesToItsDiskUnlessToldOtherwise() {
    let local = """
      #!ipxe
      iseq ${platform} efi && exit ||
      sanboot --no-describe --drive 0x80 || exit

      """
    #expect(script(BootProfileSpec(name: .local, kind: .local)).text == local)
    #expect(BootScript(for: .notServed, mac: mac, urls: urls).text == local)
    let unknownProfile = script(nil, named: "rescue")
    #expect(unknownProfile.text == local)
    #expect(unknownProfile.failure == "boot profile rescue is not known here yet")
  }

  @Test func aKernelGetsItsInitrdsByNameAndItsArguments() {
    let image = BootImage(
      kernel: "rescue/vmlinuz", initrds: ["rescue/initrd.gz", "extra/initrd.gz"], arguments: "console=ttyS0 quiet")
    let script = script(BootProfileSpec(name: "rescue", kind: .kernel(image)))
    #expect(script.failure == nil)
    #expect(
      script.text == """
        #!ipxe
        kernel http://10.1.0.1:7612/boot/rescue/vmlinuz?mac=52:54:00:00:00:2a initrd=initrd0 initrd=initrd1 \
        console=ttyS0 quiet muster.phone_home=http://10.1.0.1:7612/v1/phone-home BOOTIF=01-52-54-00-00-00-2a \
        || goto failed
        initrd --name initrd0 http://10.1.0.1:7612/boot/rescue/initrd.gz?mac=52:54:00:00:00:2a || goto failed
        initrd --name initrd1 http://10.1.0.1:7612/boot/extra/initrd.gz?mac=52:54:00:00:00:2a || goto failed
        boot || goto failed
        :failed
        echo muster: this machine cannot boot its profile, asking again in 10 s
        imgfree
        sleep 10
        chain --replace http://10.1.0.1:7612/v1/boot.ipxe?mac=52:54:00:00:00:2a

        """)
  }

  @Test func anUnknownMachineWithoutAKernelEnlistsByItsLoader() {
    let enlist = BootProfileSpec(name: .enlist, kind: .local)
    let script = BootScript(for: .unknown(enlist, TestView.place), mac: mac, urls: urls)
    #expect(script.text.contains("chain --replace http://10.1.0.1:7612/v1/enlist.ipxe?mac=${netX/mac:hexhyp}"))
    let busy = BootScript.enlisted(.busy(retryAfter: .seconds(7)), mac: mac, urls: urls)
    #expect(busy.text.contains("sleep 7\n"))
  }
}

struct PhoneHomeBodyTests {
  private func parse(_ text: String) throws(MachineReportError) -> MachineReport {
    try PhoneHomeBody.parse(Array(text.utf8), from: "10.1.0.42")
  }

  @Test func everyFieldIsTakenOver() throws {
    let report = try parse(
      #"""
      {"macs":["52:54:00:00:00:2A","52:54:00:00:00:2b","52:54:00:00:00:2a"],"serial":"7XK2","uuid":"u","firmware":"uefi",
       "memory_mib":512,"cpu_count":1,"cpu_model":"QEMU","hostname":"x","later":{"a":[1]}}
      """#)
    #expect(
      report
        == MachineReport(
          macs: ["52:54:00:00:00:2a", "52:54:00:00:00:2b"], address: "10.1.0.42", serial: "7XK2", uuid: "u",
          firmware: "uefi", memoryMiB: 512, cpuCount: 1, cpuModel: "QEMU"))
  }

  @Test func charactersThatMayNotBeStoredAreReplaced() throws {
    let report = try parse(#"{"macs":["52:54:00:00:00:2a"],"serial":"a\u0000\"b\u001b[2J"}"#)
    #expect(report.serial == "a??b?[2J")
  }

  @Test(arguments: [
    (#"{"macs":[]}"#, "macs"), (#"{"macs":["x"]}"#, "macs"), (#"{"macs":["ff:ff:ff:ff:ff:ff"]}"#, "macs"),
    (#"{"macs":["52:54:00:00:00:2a"],"firmware":"coreboot"}"#, "firmware"),
    (#"{"macs":["52:54:00:00:00:2a"],"memory_mib":99999999999}"#, "memory_mib"),
    (#"{"macs":["52:54:00:00:00:2a"],"cpu_count":99999999}"#, "cpu_count"),
    (#"{"macs":["52:54:00:00:00:2a"],"serial":"\#(String(repeating: "x", count: 129))"}"#, "serial"),
  ])
  func aWrongFieldIsNamed(body: String, field: String) {
    do {
      _ = try parse(body)
      Issue.record("accepted")
    } catch {
      #expect("\(error)".hasPrefix("\(field): "))
    }
  }

  @Test(arguments: [
    "", "{", "[]", "null", #"{"macs":"x"}"#, #"{"serial":"x"}"#, #"{"macs":["52:54:00:00:00:2a"],"memory_mib":-1}"#,
    #"{"macs":[52]}"#,
  ])
  func whatIsNoReportIsRefused(body: String) {
    #expect(throws: MachineReportError.malformed) { try parse(body) }
  }

  @Test func nestingDoesNotExhaustTheStack() {
    for open in ["[", "{\"a\":"] {
      let body = String(repeating: open, count: PhoneHomeBody.bytesMax / open.utf8.count)
      #expect(throws: MachineReportError.malformed) { try parse(body) }
    }
  }

  @Test func tooManyAddressesAreRefused() {
    let macs = (0...MachineReport.macsMax).map { "\"52:54:00:00:01:\($0 + 10)\"" }.joined(separator: ",")
    #expect(throws: MachineReportError.self) { try parse("{\"macs\":[\(macs)]}") }
  }
}

struct PercentTests {
  @Test func pathsAreDecodedOnceOrNotAtAll() {
    #expect(percentDecoded("a%2Fb%25".utf8) == "a/b%")
    #expect(percentDecoded("%252e".utf8) == "%2e")
    for text in ["%", "%4", "%zz", "%ff"] { #expect(percentDecoded(text.utf8) == nil) }
  }
}
