"""What a rack hands to machines that boot, asked for as their firmware would; the demo boots real ones."""

from __future__ import annotations

import filecmp
import http.client
import json
import subprocess
import unittest
from pathlib import Path
from typing import Any, ClassVar

from lab import netns, packages
from lab.dhcp import Client, Option
from lab.dora import lease
from lab.host import Host
from lab.site import CACHE
from lab.tests.rack_case import RackCase, mac
from lab.timeline import until

AGENT = "10.1.0.1"
HTTP_PORT = 7612
LOADERS = ("undionly.kpxe", "snponly.efi")


class Boot(RackCase):
    host: ClassVar[Host]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        (cls.rack1.boot_root / "rescue").mkdir()
        (cls.rack1.boot_root / "rescue/vmlinuz").write_bytes(b"kernel" * 1000)
        (cls.rack1.boot_root / "rescue/initrd").write_bytes(b"initrd" * 1000)
        (cls.rack1.boot_root / "unnamed").write_bytes(b"no profile names this file")
        cls.operator.run(
            "boot", "add", "rescue", "--kernel", "rescue/vmlinuz", "--initrd", "rescue/initrd",
            "--arguments", "console=ttyS0 panic=1")
        cls.operator.run("node", "add", "asker", "--mac", mac(0xC00001), "--subnet", "hall1", "--wait")
        cls.host = Host(cls.site.run, cls.rack1.network, "asker", mac(0xC00001), packages.busybox(CACHE))
        cls.host.take_lease()

    def request(self, method: str, path: str, body: Any = None, agent: str = AGENT,
                host: Host | None = None) -> tuple[int, bytes]:
        """One HTTP request from a machine in the rack."""

        def ask() -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(agent, HTTP_PORT, timeout=10)
            try:
                data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
                connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        return netns.inside((host or self.host).namespace, ask)

    def script(self, number: int) -> str:
        status, body = self.request("GET", f"/v1/boot.ipxe?mac={mac(number).replace(':', '%3A')}")
        self.assertEqual(status, 200)
        self.assertTrue(body.startswith(b"#!ipxe\n"))
        return body.decode()

    def report(self, number: int, **fields: Any) -> dict[str, Any]:
        return {"macs": [mac(number)], "firmware": "bios", "memory_mib": 256, "cpu_count": 1, **fields}

    def new_nodes(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self.operator.json("node", "list", "--state", "new")["nodes"]
        return nodes

    def test_each_firmware_gets_its_loader(self) -> None:
        script = f"http://{AGENT}:{HTTP_PORT}/v1/boot.ipxe?mac=${{netX/mac}}"
        with self.rack1.clients() as wire:
            for architecture, user_class, wanted in (
                (None, "", ""), (0, "", "undionly.kpxe"), (7, "", "snponly.efi"), (9, "", "snponly.efi"),
                (0, "iPXE", script), (7, "iPXE", script),
            ):
                with self.subTest(architecture=architecture, user_class=user_class):
                    client = Client(mac(0xC00001), architecture=architecture, user_class=user_class)
                    answer = lease(wire, client).lease
                    assert answer is not None
                    self.assertEqual(answer.boot_file, wanted)
                    if user_class:
                        self.assertEqual(answer.options.get(Option.IPXE), b"\xb0\x01\x01")
            answer = lease(wire, Client(mac(0xC00001), architecture=16)).lease
            assert answer is not None
            self.assertRegex(answer.boot_file, rf"^http://{AGENT}:{HTTP_PORT}/.*snponly\.efi$")
            self.assertEqual(answer.options.get(Option.VENDOR_CLASS), b"HTTPClient")
            path = answer.boot_file.removeprefix(f"http://{AGENT}:{HTTP_PORT}")
        for method, length in (("HEAD", 0), ("GET", Path("/usr/lib/ipxe/snponly.efi").stat().st_size)):
            status, body = self.request(method, path)
            self.assertEqual((status, len(body)), (200, length), method)

    def test_tftp_hands_out_the_loaders_and_nothing_else(self) -> None:
        busybox = packages.busybox(CACHE)

        def fetch(name: str, copy: Path) -> int:
            return subprocess.run(
                ["ip", "netns", "exec", self.host.namespace, str(busybox), "tftp", "-g", "-r", name, "-l", str(copy), AGENT],
                timeout=30, capture_output=True, check=False).returncode

        for loader in LOADERS:
            copy = self.site.run.folder / f"copy-{loader}"
            self.assertEqual(fetch(loader, copy), 0)
            self.assertTrue(filecmp.cmp(copy, Path("/usr/lib/ipxe") / loader, shallow=False), loader)
        for name in ("../../etc/passwd", "/etc/passwd", "rescue/vmlinuz"):
            self.assertNotEqual(fetch(name, self.site.run.folder / "stolen"), 0, name)

    def test_a_known_machine_leaves_to_its_disk_unless_told_otherwise(self) -> None:
        self.add_node("homebody", 0xC00010)
        self.assertNotIn("kernel ", self.script(0xC00010))
        self.operator.run("node", "boot", "homebody", "rescue", "--wait")
        script = self.script(0xC00010)
        self.assertIn("rescue/vmlinuz", script)
        self.assertIn("rescue/initrd", script)
        self.assertIn("console=ttyS0 panic=1", script)
        self.assertIn(f"muster.phone_home=http://{AGENT}:{HTTP_PORT}/v1/phone-home", script)

    def test_boot_once_falls_back_at_phone_home_also_without_the_region(self) -> None:
        self.add_node("once", 0xC00020)
        self.operator.run("node", "boot", "once", "rescue", "--once", "--wait")
        self.assertIn("rescue/vmlinuz", self.script(0xC00020))
        self.site.region.kill()
        try:
            self.assertIn("rescue/vmlinuz", self.script(0xC00020), "asking is not arriving")
            status, _ = self.request("POST", "/v1/phone-home", self.report(0xC00020))
            self.assertEqual(status, 204)
            self.assertNotIn("rescue/vmlinuz", self.script(0xC00020))
            self.rack1.kill()
            self.rack1.start()
            until("the agent answers", lambda: self.is_answering(), timeout=20)
            self.assertNotIn("rescue/vmlinuz", self.script(0xC00020), "forgotten by a restart")
        finally:
            self.site.region.start()
            self.site.wait_online(timeout=40)
        until("the region hears of it", lambda: not self.operator.node("once")["boot_once"], timeout=20)
        self.operator.run("node", "boot", "once", "rescue", "--once", "--wait")
        self.assertIn("rescue/vmlinuz", self.script(0xC00020), "a second order is another one")

    def is_answering(self) -> bool:
        try:
            return self.request("GET", f"/v1/boot.ipxe?mac={mac(0xC00020)}")[0] == 200
        except OSError:
            return False

    def test_files_come_from_profiles_and_from_below_the_root_only(self) -> None:
        self.assertEqual(self.request("GET", "/boot/rescue/vmlinuz"), (200, b"kernel" * 1000))
        for path in (
            "/boot/unnamed", "/boot/", "/boot/../pserv.token", "/boot/%2e%2e/pserv.token", "/boot/rescue/../../pserv.token",
            "/boot//etc/passwd", "/boot/rescue%2f..%2f..%2fpserv.token", "/boot/rescue/vmlinuz%00", "/v1/loader/../pserv.token",
        ):
            with self.subTest(path=path):
                status, body = self.request("GET", path)
                self.assertIn(status, (400, 404))
                self.assertNotIn(b"kernelkernel", body)

    def test_a_missing_kernel_is_explained(self) -> None:
        self.operator.run("boot", "add", "broken", "--kernel", "broken/vmlinuz")
        self.add_node("stuck", 0xC00030)
        self.operator.run("node", "boot", "stuck", "broken", "--wait")
        self.assertIn("broken/vmlinuz", self.script(0xC00030))
        self.assertEqual(self.request("GET", f"/boot/broken/vmlinuz?mac={mac(0xC00030)}")[0], 404)
        explained = until(
            "explain names the file",
            lambda: (lambda answer: answer if "broken/vmlinuz" in answer.output else None)(
                self.operator.run("explain", "stuck", expect=None)), timeout=15)
        self.assertEqual(explained.status, 8)
        self.assertIn(f"put it in rack1:{self.rack1.boot_root}/broken/", explained.output)

    def test_an_unknown_machine_enlists_once(self) -> None:
        self.assertEqual(self.script(0xC10001), self.script(0xC10002).replace(mac(0xC10002), mac(0xC10001)))
        report = self.report(0xC10001, serial="7XK2", uuid="0f0e7c1a-6b1f-4c7e-9a55-525400c10001")
        for _ in range(3):
            self.assertEqual(self.request("POST", "/v1/phone-home", report)[0], 204)
        found = until(
            "it is listed", lambda: [node for node in self.new_nodes() if node["interfaces"][0]["mac"] == mac(0xC10001)],
            timeout=15)
        self.assertEqual(len(found), 1)
        self.assertEqual((found[0]["serial"], found[0]["hardware"]["memory_mib"]), ("7XK2", 256))
        self.operator.run("node", "accept", found[0]["name"], "--name", "welcome", "--address", "auto", "--wait")
        self.assert_leased(self.rack1, 0xC10001, self.address("welcome"))

    def test_placeholder_serials_identify_nobody(self) -> None:
        for number in (0xC20001, 0xC20002):
            report = self.report(number, serial="To be filled by O.E.M.", uuid="00000000-0000-0000-0000-000000000000")
            self.assertEqual(self.request("POST", "/v1/phone-home", report)[0], 204)
        wanted = {mac(0xC20001), mac(0xC20002)}
        until(
            "both are listed",
            lambda: wanted <= {node["interfaces"][0]["mac"] for node in self.new_nodes()}, timeout=15)

    def test_a_bad_report_is_refused_and_enlists_nobody(self) -> None:
        before = len(self.new_nodes())
        for body in (
            b"", b"{", b"[]", b'{"macs":[]}', b'{"macs":["52:54:00:0:00:11"]}', b'{"macs":["01:00:5e:00:00:01"]}',
            json.dumps(self.report(0xC30001, firmware="openboot")).encode(),
            json.dumps(self.report(0xC30001, memory_mib=-1)).encode(),
            json.dumps(self.report(0xC30001, memory_mib=1 << 62)).encode(), b'{"macs":["\xff\xfe"]}',
            json.dumps({"macs": [mac(0xC30000 + index) for index in range(1000)]}).encode(),
        ):
            with self.subTest(body=body[:60]):
                self.assertEqual(self.request("POST", "/v1/phone-home", body)[0], 400)
        try:
            self.assertEqual(self.request("POST", "/v1/phone-home", b"x" * (1 << 20))[0], 413)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read
        self.assertEqual(len(self.new_nodes()), before)

    def test_a_flood_of_unknown_machines_is_capped(self) -> None:
        # In the other rack: the limit is a link's, and the rest of this class enlists too.
        host = Host(self.site.run, self.rack2.network, "flooder", mac(0xC40000), packages.busybox(CACHE))
        host.take_lease()
        statuses = [
            self.request(
                "POST", "/v1/phone-home", self.report(0xC40001 + index, serial=f"F{index}"), "10.2.0.1", host)[0]
            for index in range(300)
        ]
        self.assertLessEqual(set(statuses), {204, 503})
        self.assertIn(503, statuses, "no limit was met")
        self.assertIn(204, statuses)


if __name__ == "__main__":
    unittest.main()
