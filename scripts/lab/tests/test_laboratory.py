"""The laboratory itself: a test that trusts its tools tests them first. Needs none of our programs."""

from __future__ import annotations

import filecmp
import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import ClassVar

from lab import dhcp, dora, initramfs, netns, packages, population
from lab import run as runs
from lab.dhcp import Client, Kind, Message, Option
from lab.host import Host
from lab.machine import Hardware, Machine
from lab.network import ManagementNetwork, RackNetwork
from lab.programs import REPOSITORY
from lab.router import Router
from lab.run import Run, kea_binds
from lab.site import CACHE, DEMO
from lab.squatter import ForeignServer

REFERENCE = REPOSITORY / "cluster/reference/kea-dhcp4.json"
LOADERS = ("undionly.kpxe", "snponly.efi")
SCRIPT = """#!ipxe
kernel http://10.1.0.1:7612/boot/vmlinuz initrd=initrd.gz console=ttyS0 quiet
initrd http://10.1.0.1:7612/boot/initrd.gz
boot
"""


class Messages(unittest.TestCase):
    def test_a_message_survives_its_encoding(self) -> None:
        client = Client("52:54:00:00:00:01", "web1", architecture=7, user_class="iPXE")
        message = Message(Kind.REQUEST, 0xDEADBEEF, client.mac, yiaddr="10.0.0.1", file="boot", options=client.options())
        self.assertEqual(Message.decode(message.encode()), message)

    def test_a_cut_message_is_malformed(self) -> None:
        whole = Message(Kind.DISCOVER, 1, "52:54:00:00:00:01", options={Option.HOST_NAME: b"x" * 60}).encode()
        for length in (0, 100, 239, 250):
            with self.subTest(length=length), self.assertRaises(dhcp.MalformedMessage):
                Message.decode(whole[:length])

    def test_a_frame_carries_its_payload(self) -> None:
        framed = dhcp.frame(b"payload", dhcp.mac_bytes("52:54:00:00:00:01"), target=("255.255.255.255", 67))
        self.assertEqual(dhcp.unframe(framed, 67), (dhcp.mac_bytes("52:54:00:00:00:01"), "0.0.0.0", b"payload"))
        self.assertIsNone(dhcp.unframe(framed, 68))
        self.assertEqual(dhcp.checksum(framed[14:34]), 0)


class Demo(unittest.TestCase):
    def test_the_committed_halls_are_the_generated_ones(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            population.main(Path(folder))
            for name in ("subnets.csv", "nodes.csv"):
                self.assertTrue(filecmp.cmp(Path(folder) / name, DEMO / name, shallow=False), name)


class Ending(unittest.TestCase):
    def test_a_killed_run_is_ended_by_the_next(self) -> None:
        script = (
            "import time; from lab.run import Run\n"
            "with Run.open('test') as run:\n"
            "    name = run.namespace('a')\n"
            "    run.supervisor.start('sleeper', ['sleep', '600'], namespace=name)\n"
            "    print(run.manifest.run, flush=True); time.sleep(600)\n")
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        self.assertTrue((netns.NAMED / f"muster-{name}-a").exists())
        child.kill()
        child.wait()
        child.stdout.close()
        self.assertIn(name, runs.sweep())
        self.assertFalse(list(netns.NAMED.glob(f"muster-{name}-*")))
        self.assertFalse((runs.ROOT / name).exists())

    def test_a_signal_ends_a_run_in_good_order(self) -> None:
        script = (
            "import time; from lab.run import Run, Interrupted\n"
            "try:\n"
            "    with Run.open('test') as run:\n"
            "        run.namespace('a'); print(run.manifest.run, flush=True); time.sleep(600)\n"
            "except Interrupted as signalled: print(signalled)\n")
        for number in (signal.SIGINT, signal.SIGTERM):
            child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            name = child.stdout.readline().strip()
            child.send_signal(number)
            said, _ = child.communicate(timeout=20)
            self.assertEqual(said.strip(), number.name)
            self.assertFalse(list(netns.NAMED.glob(f"muster-{name}-*")))
            self.assertFalse((runs.ROOT / name).exists())


class Handler(http.server.SimpleHTTPRequestHandler):
    """What the agent serves, in ten lines: the script and the files."""

    def do_GET(self) -> None:
        if not self.path.startswith("/v1/boot.ipxe"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(SCRIPT)))
        self.end_headers()
        self.wfile.write(SCRIPT.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Reference(unittest.TestCase):
    """cluster/reference/kea-dhcp4.json does what its README says."""

    lab: ClassVar[Run]
    rack: ClassVar[RackNetwork]

    @classmethod
    def setUpClass(cls) -> None:
        cls.lab = cls.enterClassContext(Run.open("test"))
        management = ManagementNetwork(cls.lab)
        cls.rack = RackNetwork.build(cls.lab, "rack1", management, "10.255.0.11", ("10.1.0.1/22",))
        cls.addClassCleanup(Router(cls.rack.wire, "sw0", "fd00:1::").close)
        cls.start_kea()
        cls.start_files()

    @classmethod
    def start_kea(cls) -> None:
        binds = kea_binds(cls.lab.folder / "host")
        shutil.copyfile(REFERENCE, binds[Path("/etc/kea")] / "kea-dhcp4.conf")
        kea = cls.lab.supervisor.start(
            "kea", ["kea-dhcp4", "-c", "/etc/kea/kea-dhcp4.conf"], namespace=cls.rack.namespace, binds=binds)
        kea.wait_line("DHCP4_STARTED", 10)

    @classmethod
    def start_files(cls) -> None:
        root, tftp = cls.lab.folder / "http", cls.lab.folder / "tftp"
        (root / "boot").mkdir(parents=True)
        tftp.mkdir()
        kernel, busybox = packages.cloud_kernel(CACHE), packages.busybox(CACHE)
        shutil.copyfile(kernel.image, root / "boot/vmlinuz")
        initramfs.build(kernel, busybox, root / "boot/initrd.gz")
        for loader in LOADERS:
            shutil.copyfile(Path("/usr/lib/ipxe") / loader, tftp / loader)
        cls.lab.supervisor.start(
            "tftp", ["in.tftpd", "--foreground", "--address", "10.1.0.1:69", "--user", "tftp", "--secure", tftp],
            namespace=cls.rack.namespace)

        def handler(*arguments: object) -> Handler:
            return Handler(*arguments, directory=str(root))  # type: ignore[arg-type]

        server = netns.inside(
            cls.rack.namespace, lambda: http.server.ThreadingHTTPServer(("10.1.0.1", 7612), handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)

    def test_each_firmware_gets_its_loader(self) -> None:
        http_boot = "http://10.1.0.1:7612/boot/snponly.efi"
        script = "http://10.1.0.1:7612/v1/boot.ipxe?mac=${netX/mac}"
        mac = "52:54:00:00:01:01"
        expected = {
            Client(mac): "",
            Client(mac, architecture=0): "undionly.kpxe",
            Client(mac, architecture=7): "snponly.efi",
            Client(mac, architecture=9): "snponly.efi",
            Client(mac, architecture=16): http_boot,
            Client(mac, architecture=0, user_class="iPXE"): script,
            Client(mac, architecture=7, user_class="iPXE"): script,
        }
        with dora.Wire(self.rack.wire, "probe0") as wire:
            for client, boot_file in expected.items():
                with self.subTest(architecture=client.architecture, user_class=client.user_class):
                    outcome = dora.lease(wire, client)
                    assert outcome.lease is not None
                    self.assertEqual(outcome.address, "10.1.0.11")
                    self.assertEqual(outcome.lease.boot_file, boot_file)
                    self.assertEqual(outcome.lease.siaddr, "10.1.0.1")
                    ipxe = outcome.lease.options.get(Option.IPXE)
                    self.assertEqual(ipxe, b"\xb0\x01\x01" if client.user_class else None)

    def test_a_second_server_on_the_wire_is_noticed(self) -> None:
        squatter = ForeignServer(self.rack.wire, "sw0", "10.1.0.254", "10.1.0.77")
        self.addCleanup(squatter.close)
        with dora.Wire(self.rack.wire, "probe0") as wire:
            outcome = dora.lease(wire, Client("52:54:00:00:01:02"), linger=0.5)
        self.assertEqual(outcome.servers, {"10.1.0.1", "10.1.0.254"})
        self.assertEqual(outcome.addresses, {"10.1.0.12", "10.1.0.77"})

    def test_an_operating_system_gets_its_address(self) -> None:
        host = Host(self.lab, self.rack, "h1n2", "52:54:00:00:01:02", packages.busybox(CACHE))
        self.assertEqual(host.take_lease(), "10.1.0.12")

    def test_tftp_hands_out_the_loaders(self) -> None:
        busybox = packages.busybox(CACHE)
        subprocess.run(["ip", "-n", self.rack.wire, "addr", "add", "10.1.2.250/22", "dev", "probe0"], check=True)
        for loader in LOADERS:
            copy = self.lab.folder / f"copy-{loader}"
            subprocess.run(
                ["ip", "netns", "exec", self.rack.wire, str(busybox), "tftp", "-g", "-r", loader, "-l", str(copy),
                 "10.1.0.1"], check=True, timeout=20, capture_output=True)
            self.assertTrue(filecmp.cmp(copy, Path("/usr/lib/ipxe") / loader, shallow=False), loader)

    def test_a_bios_and_a_uefi_machine_boot(self) -> None:
        began = time.monotonic()
        machines = [
            Machine.power_on(self.lab, self.rack, Hardware("m1", "52:54:00:00:01:01", "bios", "S1")),
            Machine.power_on(self.lab, self.rack, Hardware("m2", "52:54:00:00:01:02", "uefi", "S2", memory_mib=512)),
        ]
        for machine, address in zip(machines, ("10.1.0.11", "10.1.0.12"), strict=True):
            said = machine.wait_boot()
            self.assertEqual(said["address"], address)
            self.assertEqual(said["mac"], machine.hardware.mac)
            self.assertEqual(said["firmware"], machine.hardware.firmware)
            print(f"{machine.hardware.firmware} booted in {time.monotonic() - began:.1f}s", file=sys.stderr)
        for machine in machines:
            self.assertEqual(machine.process.wait(20), 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
