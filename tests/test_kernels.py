"""The compile cache: used as it was sealed, else made anew."""

import logging
import shutil

import numba
import pytest

from sparsebp.kernels import SEAL, compiled_once


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def kernel(cache, caplog):
    """Has a kernel compiled or loaded; whether it said that it is compiled."""
    caplog.set_level(logging.INFO)

    def compile():
        def twice(number):
            return 2 * number

        caplog.clear()
        compiler = numba.njit("int64(int64)", cache=True)
        assert compiled_once("twice", __file__, lambda: compiler(twice))(21) == 42
        return "compiling kernel twice" in caplog.text

    assert compile()
    return compile


def files(cache):
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb[ic]")}


def test_a_kernel_is_compiled_once(kernel, cache):
    before = files(cache)
    assert len(before) == 2
    assert not kernel()
    assert files(cache) == before


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "noise": lambda path: path.write_bytes(bytes(range(256))),
    "one bit": flip,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["*.nbi", "*.nbc", SEAL])
def test_a_damaged_kernel_is_compiled_anew(kernel, cache, name, damage):
    [path] = cache.rglob(name)
    damage(path)
    assert kernel()
    assert not kernel()


def test_a_deleted_cache_is_filled_anew(kernel, cache):
    shutil.rmtree(cache)
    assert kernel()
    assert not kernel()


def test_a_cache_that_cannot_be_written_is_named(kernel, cache, monkeypatch):
    shutil.rmtree(cache)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_data", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{cache}/twice-\w+'"):
        kernel()
    monkeypatch.undo()
