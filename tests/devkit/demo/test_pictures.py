"""`endcap demo --picture`: the file that the README shows."""

import struct
import subprocess
import sys

import pytest

LIMIT_S = 180.0


@pytest.mark.browser
@pytest.mark.slow
def test_a_picture_can_be_taken(tmp_path):
    file = tmp_path / "pictures" / "map.png"
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--picture", str(file), "--dark", "--phones", "1"],
        capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert struct.unpack(">II", file.read_bytes()[16:24]) == (1920, 1200)
    assert 200_000 < file.stat().st_size < 1024 * 1024
