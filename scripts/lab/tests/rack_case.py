"""Region, two racks and a subnet in each, for the tests of a class."""

from __future__ import annotations

import json
import sys
import unittest
from typing import Any, ClassVar

from lab.dhcp import Client
from lab.dora import Outcome, lease
from lab.programs import Operator, Programs
from lab.run import Run
from lab.site import Rack, Site
from lab.timeline import CheckFailed


def mac(number: int) -> str:
    """A MAC address for a node of the tests, by number."""
    return "52:54:00:" + number.to_bytes(3, "big").hex(":")


class RackCase(unittest.TestCase):
    """Hall N is 10.N.0.0/20 with the pool 10.N.15.0 to 10.N.15.99; DHCP is on unless `serves` says no."""

    serves: ClassVar[bool] = True
    site: ClassVar[Site]
    operator: ClassVar[Operator]
    rack1: ClassVar[Rack]
    rack2: ClassVar[Rack]

    @classmethod
    def setUpClass(cls) -> None:
        run = cls.enterClassContext(Run.open("test"))
        cls.site = Site.build(run, Programs.built(), prefix_length=20)
        cls.addClassCleanup(cls.site.close)
        cls.operator = cls.site.operator
        cls.rack1, cls.rack2 = cls.site.racks["rack1"], cls.site.racks["rack2"]
        cls.prepare()
        cls.site.region.start()
        for number, rack in enumerate(cls.site.racks.values(), start=1):
            rack.enrol(cls.operator)
            cls.operator.run(
                "subnet", "add", f"hall{number}", f"10.{number}.0.0/20", "--gateway", f"10.{number}.0.1",
                "--pool", f"10.{number}.15.0-10.{number}.15.99", "--agents", rack.name)
            rack.start()
        cls.site.wait_online()
        if cls.serves:
            for number in (1, 2):
                cls.operator.run("subnet", "update", f"hall{number}", "--dhcp", "on", "--wait")

    @classmethod
    def prepare(cls) -> None:
        """What a class changes about the hosts before anything starts on them."""

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Shows the ends of the logs of a test that failed: its run's folder is about to go."""
        before = _troubles(result)
        returned = super().run(result)
        if _troubles(result) > before:
            print(f"=== logs after {self.id()}", file=sys.stderr)
            self.site.run.show_logs()
        return returned

    # What the tests do and ask

    def add_node(self, name: str, number: int, subnet: str = "hall1", address: str = "auto", wait: bool = True) -> str:
        """Adds a node with the MAC of `number` and returns its address."""
        waiting = ("--wait",) if wait else ()
        self.operator.run("node", "add", name, "--mac", mac(number), "--subnet", subnet, "--address", address, *waiting)
        return self.address(name)

    def address(self, name: str) -> str:
        return str(self.operator.node(name)["interfaces"][0]["address"])

    def ask(self, rack: Rack, number: int, timeout: float = 5, linger: float = 0) -> Outcome:
        with rack.clients() as wire:
            return lease(wire, Client(mac(number)), timeout, linger)

    def assert_leased(self, rack: Rack, number: int, address: str) -> None:
        """The machine gets `address`, and nobody names another."""
        outcome = self.ask(rack, number)
        self.assertEqual(
            (outcome.address, outcome.addresses), (address, {address}), f"{mac(number)} in {rack.name}\n{rack.tail()}")

    def assert_settled(self, timeout: float = 20) -> None:
        """Every subnet reaches applied = head."""
        try:
            self.site.wait_applied(timeout)
        except CheckFailed as error:
            self.fail(str(error))

    def error_code(self, *arguments: str, status: int | None = None) -> str:
        """The stable code with which the region refuses a command."""
        answer = self.operator.run(*arguments, "--output", "json", expect=status)
        self.assertNotEqual(answer.status, 0, f"not refused: {answer}")
        return _code(answer.errors) or _code(answer.output) or f"no code: {answer}"


def _code(text: str) -> str:
    for line in text.splitlines():
        try:
            decoded: Any = json.loads(line)
        except ValueError:
            continue
        if isinstance(decoded, dict) and isinstance(decoded.get("error"), dict):
            return str(decoded["error"].get("code", ""))
    return ""


def _troubles(result: unittest.TestResult | None) -> int:
    return len(result.failures) + len(result.errors) if result else 0
