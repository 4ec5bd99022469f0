"""Files whole or not at all: what killed programs leave, two that write one file, full disks."""

import os
import re
import resource
import subprocess
import sys

import matplotlib.pyplot as plt
import netCDF4
import numpy as np
import pytest

from sparsebp.storage import atomic

KILLED = """
import os, sys
from sparsebp.storage.atomic import reserved_outputs, written_whole
with reserved_outputs([sys.argv[1]]), written_whole(sys.argv[1]) as part:
    part.write_bytes(b"half")
    os._exit(9)
"""
LATER = """
import sys
from sparsebp.storage.atomic import written_whole
with written_whole(sys.argv[1]) as part:
    part.write_bytes(b"later")
"""


@pytest.fixture
def path(tmp_path):
    """A file that is there."""
    path = tmp_path / "file.nc"
    path.write_bytes(b"before")
    return path


def other_program(source, path):
    return subprocess.run([sys.executable, "-c", source, str(path)]).returncode


def write(path, content=b"content"):
    with atomic.written_whole(path) as part:
        part.write_bytes(content)


def test_what_a_killed_program_leaves_is_removed_by_the_next_to_write(path):
    beside = path.with_name("file.nc.nc")
    assert [other_program(KILLED, name) for name in (path, path, beside)] == [9, 9, 9]
    names = set(os.listdir(path.parent)) - {path.name}
    left = [re.fullmatch(r"\.(file\.nc|file\.nc\.nc)\.[\w-]+\.part", name)[1] for name in names]
    assert sorted(left) == ["file.nc", "file.nc.nc"]
    assert path.read_bytes() == b"before"
    write(path)
    write(beside)
    assert sorted(os.listdir(path.parent)) == ["file.nc", "file.nc.nc"]


@pytest.mark.parametrize("point", ["before it writes", "while it writes"])
def test_a_file_is_that_of_the_program_that_began_last(path, point, caplog):
    with atomic.reserved_outputs([path]):
        if point == "before it writes":
            assert other_program(LATER, path) == 0
        with atomic.written_whole(path) as part:
            if point == "while it writes":
                assert other_program(LATER, path) == 0
            part.write_bytes(b"earlier")
    assert path.read_bytes() == b"later"
    assert os.listdir(path.parent) == [path.name]
    assert f"{path}: another program began to write it later" in caplog.text


def test_to_be_superseded_is_a_failure_while_a_file_is_missing(path):
    missing = path.with_name("missing.nc")
    with (
        pytest.raises(atomic.Superseded, match=r"missing\.nc: another program"),
        atomic.reserved_outputs([path, missing]),
    ):
        assert other_program(KILLED, missing) == 9
        write(missing)
    assert path.read_bytes() == b"before"
    assert not missing.exists()


def netcdf(part):
    with netCDF4.Dataset(part, "w") as file:
        file.createDimension("x", 10000)
        file.createVariable("x", "f8", ("x",))[:] = np.arange(10000)


def figure(part, format):
    drawing, axes = plt.subplots()
    axes.plot([1, 2])
    try:
        drawing.savefig(part, format=format)
    finally:
        plt.close(drawing)


WRITERS = {
    "text": lambda part: part.write_text("x" * 10000),
    "NetCDF": netcdf,
    **{form: lambda part, form=form: figure(part, form) for form in ("pdf", "png", "svg")},
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_write_that_the_system_refuses_names_file_and_trouble(path, writer):
    """A limit stands for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError) as caught:
        try:
            with atomic.written_whole(path) as part:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
                writer(part)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value) == f"[Errno 27] File too large: '{path}'"
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]


def test_what_has_another_cause_is_said_as_it_is(path):
    with pytest.raises(RuntimeError, match=r"^no such thing$"), atomic.written_whole(path):
        raise RuntimeError("no such thing")
    assert os.listdir(path.parent) == [path.name]
