"""The smaller tools of the laboratory, without network or root."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from lab.dhcp import Client, Kind, Message, Option
from lab.dora import Exchange
from lab.initramfs import Archive
from lab.processes import Supervisor, is_running
from lab.tests.changes import Replacements
from lab.timeline import CheckFailed, Timeline, expect, until


class Timelines(unittest.TestCase):
    def test_lines_have_the_form_of_the_operators_guide(self) -> None:
        output = io.StringIO()
        timeline = Timeline(output)
        timeline.say("region", "ready on 127.0.0.1:7610")
        with timeline.check("a promise") as note:
            note("a detail")
        self.assertTrue(timeline.conclude())
        self.assertEqual(
            [line[6:] for line in output.getvalue().splitlines()],
            ["  region  ready on 127.0.0.1:7610", "  PASS    a promise (a detail)", "  PASS    1 of 1 checks"])
        self.assertRegex(output.getvalue(), r"^  0\.\ds  region")

    def test_a_check_that_fails_is_counted_and_the_rest_goes_on(self) -> None:
        output = io.StringIO()
        timeline = Timeline(output)
        with timeline.check("broken"):
            expect(False, "seen 1, expected 2")
        with timeline.check("whole"):
            pass
        self.assertFalse(timeline.conclude())
        self.assertIn("FAIL    broken: seen 1, expected 2", output.getvalue())
        self.assertIn("FAIL    1 of 2 checks", output.getvalue())

    def test_no_check_at_all_is_no_success(self) -> None:
        self.assertFalse(Timeline(io.StringIO()).conclude())

    def test_waiting_ends(self) -> None:
        with self.assertRaisesRegex(CheckFailed, "not within 0.05 s: the moon"):
            until("the moon", lambda: False, timeout=0.05, interval=0.01)


class Exchanges(unittest.TestCase):
    client = Client("52:54:00:00:00:01")

    def answer(self, kind: Kind, address: str, server: bytes = b"\x0a\x01\x00\x01") -> Message:
        return Message(kind, 7, self.client.mac, reply=True, yiaddr=address, options={Option.SERVER_ID: server})

    def test_an_offer_leads_to_a_request_and_an_ack_to_a_lease(self) -> None:
        exchange = Exchange(self.client, 7)
        self.assertEqual(exchange.next().kind, Kind.DISCOVER)
        self.assertTrue(exchange.receive(self.answer(Kind.OFFER, "10.1.0.11")))
        request = exchange.next()
        self.assertEqual(request.kind, Kind.REQUEST)
        self.assertEqual(request.options[Option.REQUESTED_ADDRESS], b"\x0a\x01\x00\x0b")
        self.assertTrue(exchange.receive(self.answer(Kind.ACK, "10.1.0.11")))
        assert exchange.lease is not None
        self.assertEqual(exchange.lease.yiaddr, "10.1.0.11")

    def test_a_second_answer_is_remembered_after_the_lease(self) -> None:
        exchange = Exchange(self.client, 7)
        for message in (self.answer(Kind.OFFER, "10.1.0.11"), self.answer(Kind.ACK, "10.1.0.11")):
            exchange.receive(message)
        self.assertFalse(exchange.receive(self.answer(Kind.OFFER, "10.1.0.99", b"\x0a\x01\x00\xfe")))
        self.assertEqual(exchange.addresses, {"10.1.0.11", "10.1.0.99"})
        self.assertEqual(exchange.servers, {"10.1.0.1", "10.1.0.254"})

    def test_an_ack_without_an_offer_is_no_lease(self) -> None:
        exchange = Exchange(self.client, 7)
        self.assertFalse(exchange.receive(self.answer(Kind.ACK, "10.1.0.11")))
        self.assertIsNone(exchange.lease)

    def test_a_refusal_ends_the_exchange(self) -> None:
        exchange = Exchange(self.client, 7)
        exchange.receive(self.answer(Kind.OFFER, "10.1.0.11"))
        self.assertTrue(exchange.receive(self.answer(Kind.NAK, "0.0.0.0")))
        self.assertTrue(exchange.refused and exchange.finished)


class Processes(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.supervisor = Supervisor(self.folder)
        self.addCleanup(self.supervisor.stop)

    def test_a_line_is_waited_for(self) -> None:
        process = self.supervisor.start("speaker", ["sh", "-c", "sleep 0.2; echo ready on 5; sleep 60"])
        self.assertEqual(process.wait_line(r"ready on (\d)", 5).group(1), "5")

    def test_a_process_that_ends_early_is_reported_with_its_last_words(self) -> None:
        process = self.supervisor.start("failer", ["sh", "-c", "echo no disk; exit 3"])
        with self.assertRaisesRegex(CheckFailed, "failer ended with status 3 before 'ready'\n.*no disk"):
            process.wait_line("ready", 5)

    def test_a_second_process_does_not_see_the_first_ones_lines(self) -> None:
        self.supervisor.start("twice", ["echo", "first"]).wait(5)
        second = self.supervisor.start("twice", ["echo", "second"])
        second.wait(5)
        self.assertEqual(second.output(), "second\n")

    def test_children_die_with_whoever_started_them(self) -> None:
        script = (
            "import sys, time; from pathlib import Path; from lab.processes import Supervisor\n"
            "print(Supervisor(Path(sys.argv[1])).start('child', ['sleep', '60']).pid, flush=True); time.sleep(60)\n")
        starter = subprocess.Popen(
            [sys.executable, "-c", script, str(self.folder)], stdout=subprocess.PIPE, text=True)
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        starter.stdout.close()
        starter.kill()
        starter.wait()
        until("the child is gone", lambda: not is_running(child), timeout=5)


class Archives(unittest.TestCase):
    def test_every_part_is_aligned_and_the_archive_ends(self) -> None:
        archive = Archive()
        archive.folder("a")
        archive.file("a/b", b"12345")
        archive.link("c", "a/b")
        whole = archive.finished()
        self.assertEqual(len(whole) % 4, 0)
        self.assertEqual(whole.count(b"070701"), 4)
        self.assertIn(b"TRAILER!!!\0", whole)


class Watching(unittest.TestCase):
    def test_each_replacement_is_counted_once(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        path = folder / "kea.conf"
        path.write_text("0")
        watcher = Replacements(path)
        for index in range(5):
            before = len(watcher.moments)
            (folder / "new").write_text(str(index))
            (folder / "new").rename(path)
            until("it is seen", lambda before=before: len(watcher.moments) > before, timeout=5, interval=0.002)
        self.assertEqual(len(watcher.stop()), 5)


if __name__ == "__main__":
    unittest.main()
