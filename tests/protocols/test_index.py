"""The index of the protocols that ship: it says what their files say, and never instead of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.ceilings import body_sites
from protocols.index import PATH, about, content_hash, listed
from protocols.library import bundled, find
from tests.processes import environment

_LISTS = """
import sys
from physioctl.cli import call
code = call(["protocols", "list"])
slow = {"pydantic", "ruamel.yaml"} & set(sys.modules)
sys.exit(f"imported: {slow}" if slow else code)
"""


def test_the_index_says_of_each_protocol_what_its_file_says() -> None:
    entries = list(listed())

    assert [entry["about"]["id"] for entry in entries] == list(bundled())
    for entry in entries:
        protocol = find(entry["about"]["id"])
        assert entry["about"] == about(protocol)
        assert entry["site"] == body_sites()[protocol.body_site]
        assert content_hash(protocol.id) == protocol.content_hash


def test_a_file_that_is_another_than_the_index_knows_is_read_itself(tmp_path: Path) -> None:
    known = json.loads(PATH.read_text(encoding="utf-8"))
    known["unit-check"] |= {"file": "0" * 64, "site": "of the index"}
    known["unit-check"]["about"]["title"] = "of the index"
    known["foot-cramp-ultrasound"]["about"]["title"] = "of the index"
    (tmp_path / "index.json").write_text(json.dumps(known), encoding="utf-8")

    told = {entry["about"]["id"]: entry for entry in listed(tmp_path / "index.json")}

    assert told["unit-check"]["about"] == about(find("unit-check"))
    assert told["unit-check"]["site"] == body_sites()["bench"]
    assert told["foot-cramp-ultrasound"]["about"]["title"] == "of the index"


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"unit-check": {}}', '{"unit-check": 1}'])
def test_without_a_sound_index_the_files_are_read(tmp_path: Path, text: str | None) -> None:
    index = tmp_path / "index.json"
    if text is not None:
        index.write_text(text, encoding="utf-8")

    assert list(listed(index)) == list(listed())


def test_a_list_reads_neither_a_protocol_nor_a_table(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LISTS],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
