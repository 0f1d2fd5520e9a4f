"""Bad input harms only itself: each refusal names the field, and afterwards nothing has changed."""

from __future__ import annotations

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab.tests.rack_case import RackCase, mac

REFUSED, USAGE, NOT_FOUND, STALE, INVALID, UNREACHABLE = 1, 2, 3, 4, 5, 6

# Arguments after `muster`, the exit status, the code of the error and the field it names ("" for none).
NODE = ("--mac", mac(0xB00099), "--subnet", "hall1")
REFUSALS: list[tuple[tuple[str, ...], int, str, str]] = [
    (("node", "add", "x", "--mac", "52:54:00:0:00:11", "--subnet", "hall1"), INVALID, "MAC_INVALID", "mac"),
    (("node", "add", "x", "--mac", "01:00:5e:00:00:01", "--subnet", "hall1"), INVALID, "MAC_INVALID", "mac"),
    (("node", "add", "x", "--mac", "00:00:00:00:00:00", "--subnet", "hall1"), INVALID, "MAC_INVALID", "mac"),
    (("node", "add", "x", "--mac", mac(0xB00001), "--subnet", "hall1"), INVALID, "MAC_TAKEN", "mac"),
    (("node", "add", "taken", *NODE), INVALID, "NAME_TAKEN", "name"),
    (("node", "add", "a" * 64, *NODE), INVALID, "NAME_INVALID", "name"),
    (("node", "add", "under_score", *NODE), INVALID, "NAME_INVALID", "name"),
    (("node", "add", "new\nline", *NODE), INVALID, "NAME_INVALID", "name"),
    (("node", "add", 'quo"te', *NODE), INVALID, "NAME_INVALID", "name"),
    (("node", "add", "x", *NODE, "--address", "10.1.0.50"), INVALID, "ADDRESS_TAKEN", "address"),
    (("node", "add", "x", *NODE, "--address", "10.2.0.9"), INVALID, "ADDRESS_OUTSIDE_SUBNET", "address"),
    (("node", "add", "x", *NODE, "--address", "10.1.15.5"), INVALID, "ADDRESS_IN_POOL", "address"),
    (("node", "add", "x", *NODE, "--address", "10.1.0.0"), INVALID, "ADDRESS_RESERVED", "address"),
    (("node", "add", "x", *NODE, "--address", "10.1.15.255"), INVALID, "ADDRESS_RESERVED", "address"),
    (("node", "add", "x", *NODE, "--address", "10.1.0.1"), INVALID, "ADDRESS_RESERVED", "address"),
    (("node", "add", "x", *NODE, "--address", "10.1.0.256"), INVALID, "ADDRESS_INVALID", "address"),
    (("node", "add", "x", "--mac", mac(0xB00099), "--subnet", "nowhere"), INVALID, "SUBNET_UNKNOWN", "subnet"),
    (("node", "update", "taken", "--boot-profile", "nothing"), INVALID, "PROFILE_UNKNOWN", "boot_profile"),
    (("node", "update", "taken", "--location", "h1\x07"), INVALID, "TEXT_INVALID", "location"),
    (("node", "update", "taken", "--location", "x" * 129), INVALID, "TEXT_TOO_LONG", "location"),
    (("node", "update", "taken", "--location", "h2", "--if-revision", "999"), STALE, "STALE_REVISION", ""),
    (("node", "update", "nobody", "--location", "h2"), NOT_FOUND, "", ""),
    (("node", "show", "nobody"), NOT_FOUND, "", ""),
    (("node", "accept", "taken", "--name", "moved", "--address", "10.1.0.51"), REFUSED, "WRONG_STATE", ""),
    (("node", "update", "taken", "--serial", ""), USAGE, "", "--serial"),
    (("node", "add", "x", *NODE, "--if-revision", "7"), USAGE, "", "--if-revision"),
    (("node", "add", "x", *NODE, "--ca", "/etc/passwd"), USAGE, "", "/etc/passwd"),
    (("subnet", "update", "hall1", "--pool", ""), USAGE, "", "--pool"),
    (("subnet", "update", "hall1", "--agents", "rakc1"), INVALID, "AGENT_UNKNOWN", "agents"),
    (("event", "list", "--kind", "NODE_ADDEDD"), INVALID, "TEXT_INVALID", "kind"),
    (("subnet", "add", "hall9", "10.1.2.0/24"), INVALID, "PREFIX_OVERLAP", "prefix"),
    (("subnet", "add", "hall9", "10.9.0.1/24"), INVALID, "PREFIX_INVALID", "prefix"),
    (("subnet", "add", "hall9", "10.9.0.0/24", "--pool", "10.8.0.1-10.8.0.9"), INVALID, "POOL_OUTSIDE", "pools[0]"),
    (("subnet", "add", "hall9", "10.9.0.0/24", "--pool", "10.9.0.9-10.9.0.1"), INVALID, "POOL_INVALID", "pools[0]"),
    (("subnet", "add", "hall9", "10.9.0.0/24", "--pool", "10.9.0.10-10.9.0.20", "--pool", "10.9.0.20-10.9.0.30"),
     INVALID, "POOL_OVERLAP", "pools"),
    (("subnet", "remove", "hall1", "--yes"), REFUSED, "SUBNET_HAS_NODES", ""),
    (("subnet", "show", "nowhere"), NOT_FOUND, "", ""),
    (("boot", "add", "p", "--kernel", "../../etc/passwd"), INVALID, "PATH_INVALID", "kernel"),
    (("boot", "add", "p", "--kernel", "/etc/passwd"), INVALID, "PATH_INVALID", "kernel"),
    (("boot", "add", "p", "--kernel", "k" * 128), INVALID, "PATH_INVALID", "kernel"),
    (("boot", "add", "p", "--kernel", "k", "--arguments", 'a "b"'), INVALID, "", "arguments"),
    (("boot", "add", "p", "--kernel", "k", "--arguments", "a\nshell"), INVALID, "", "arguments"),
    (("boot", "add", "p", "--kernel", "k", "--arguments", "quiet #single"), INVALID, "", "arguments"),
    (("boot", "remove", "used", "--yes"), REFUSED, "PROFILE_IN_USE", ""),
    (("boot", "remove", "local", "--yes"), REFUSED, "PROFILE_BUILT_IN", ""),
]


class Refusals(RackCase):
    serves = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.operator.run("boot", "add", "used", "--kernel", "k")
        cls.operator.run("node", "add", "taken", "--mac", mac(0xB00001), "--subnet", "hall1", "--address", "10.1.0.50")
        cls.operator.run("node", "boot", "taken", "used")

    def state(self) -> object:
        """Everything an operator described, and the heads; not what racks report meanwhile."""
        nodes = [json.loads(line) for line in self.operator.run("node", "export").output.splitlines()]
        return (
            [{key: value for key, value in node.items() if key != "status"} for node in nodes],
            {name: subnet["status"]["head"] for name, subnet in self.operator.subnets().items()},
            self.operator.json("boot", "list"))

    def test_each_refusal_has_its_status_code_and_field_and_changes_nothing(self) -> None:
        before = self.state()
        for arguments, status, code, field in REFUSALS:
            with self.subTest(command=" ".join(arguments)):
                answer = self.operator.run(*arguments, "--output", "json", expect=None)
                self.assertEqual(answer.status, status, str(answer))
                self.assertEqual(answer.output, "", "an error belongs on stderr")
                if code:
                    self.assertIn(f'"{code}"', answer.errors)
                if field:
                    self.assertIn(field, answer.errors)
        self.assertEqual(self.state(), before)

    def test_an_import_with_bad_lines_names_them_all_and_applies_none(self) -> None:
        before = self.state()
        rows = [
            "name,interface,mac,subnet,address",
            f"good1,eth0,{mac(0xB10001)},hall1,auto",
            "bad1,eth0,52:54:00:0:00:11,hall1,auto",
            f"good2,eth0,{mac(0xB10002)},hall1,auto",
            f"bad2,eth0,{mac(0xB10003)},hall1,10.1.15.7",
            f"bad3,eth0,{mac(0xB10001)},hall1,auto",
        ]
        answer = self.operator.run(
            "node", "import", "-", "--format", "csv", expect=INVALID, standard_input="\n".join(rows) + "\n")
        said = answer.output + answer.errors
        for line, field in ((3, "mac"), (5, "address"), (6, "mac")):
            self.assertRegex(said, rf"(?m)^{line}\s.*{field}")
        self.assertIn("3 of 5 rows", said)
        self.assertEqual(self.state(), before)
        kept = self.operator.run(
            "node", "import", "-", "--format", "csv", "--keep-going", expect=None,
            standard_input="\n".join(rows) + "\n")
        self.assertIn("2 added", kept.output + kept.errors)
        for name in ("good1", "good2"):
            self.operator.run("node", "remove", name, "--yes")

    def test_lines_that_would_be_changed_on_their_way_are_refused(self) -> None:
        """What a decoder or a C string would make of them is not what was written."""
        before = self.state()
        row = f"x,eth0,{mac(0xB30001)},hall1,auto"
        files = {
            "csv": (f"name,interface,mac,subnet,address,location\n{row},a\0b\n", r"(?m)^2\s+location\s.*U\+0000"),
            "jsonl": ('{"name":"x","name":"y"}\n{"name":"z","location":"a\\u0000b"}\n',
                      r"(?ms)^1\s+name\s.*stands twice.*^2\s+location\s.*U\+0000"),
        }
        for form, (content, words) in files.items():
            with self.subTest(form=form):
                answer = self.operator.run(
                    "node", "import", "-", "--format", form, expect=INVALID, standard_input=content)
                self.assertRegex(answer.output, words)
        self.assertEqual(self.state(), before)

    def test_an_empty_file_does_not_remove_the_hall(self) -> None:
        before = self.state()
        for form, content in (("csv", "name,interface,mac,subnet,address\n"), ("jsonl", "")):
            with self.subTest(form=form):
                answer = self.operator.run(
                    "node", "import", "-", "--format", form, "--remove-absent", "--yes", expect=INVALID, standard_input=content)
                self.assertIn("--remove-absent", answer.errors)
        self.assertEqual(self.state(), before)

    def test_an_unknown_column_is_named_with_a_suggestion(self) -> None:
        answer = self.operator.run(
            "node", "import", "-", "--format", "csv", expect=INVALID,
            standard_input=f"name,interface,mac,subnet,adress\nx,eth0,{mac(0xB20001)},hall1,auto\n")
        self.assertIn("adress", answer.errors + answer.output)
        self.assertIn("address", answer.errors + answer.output)

    def test_without_a_region_the_client_says_where_it_looked(self) -> None:
        answer = self.operator.run("status", "--region", "unix:/run/nowhere.sock", expect=UNREACHABLE)
        self.assertIn("/run/nowhere.sock", answer.errors)
        self.assertIn("MUSTER_REGION", answer.errors)

    def test_a_wrong_token_is_refused(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".token") as file:
            file.write("not-the-token\n")
            file.flush()
            answer = self.operator.run("status", "--token-file", Path(file.name), expect=UNREACHABLE)
        self.assertIn("unknown token. Set the token with --token-file", answer.errors)

    def test_a_node_is_found_by_its_mac_however_it_is_written(self) -> None:
        for text in (mac(0xB00001), mac(0xB00001).replace(":", "-"), mac(0xB00001).upper()):
            self.assertEqual(self.operator.json("node", "show", text)["name"], "taken")
        answer = self.operator.run("node", "show", mac(0xB000FF).replace(":", "-"), expect=NOT_FOUND)
        self.assertIn(mac(0xB000FF), answer.errors)

    def test_a_configuration_with_an_unknown_key_is_refused(self) -> None:
        good = self.site.region.configuration.read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(good + "listne: 127.0.0.1:1\n")
            file.flush()
            for program in (self.site.programs.region, self.site.programs.pserv):
                done = subprocess.run(
                    [program, "--config", file.name], capture_output=True, text=True, timeout=20, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("listne", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
