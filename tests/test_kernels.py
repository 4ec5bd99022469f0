"""The compile cache: used as it was sealed, else made anew; and nothing depends on it."""

import errno
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from sparsebp.engine.kernels import cache as kernel_cache
from sparsebp.engine.kernels.cache import SEAL, compiled_once
from sparsebp.storage import sources
from tests.workflow_helpers import ROOT


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
        assert compiled_once("twice", twice, "int64(int64)", "sparsebp.engine.survivors")(21) == 42
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


@pytest.mark.thorough
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


def test_what_killed_programs_left_is_removed(kernel, cache):
    [own] = cache.glob("twice-*")
    (cache / f".{own.name}-left/new").mkdir(parents=True)
    shutil.rmtree(own)
    assert kernel()
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [own.name]


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_folder(cache):
    shutil.rmtree(cache)
    cache.write_text("a file stands here")


WITHOUT = {
    "a full disk": lambda cache, patch: patch.setattr(
        "numba.core.caching.IndexDataCacheFile._save_data", full
    ),
    "a read-only folder": lambda cache, patch: patch.setattr(
        kernel_cache, "TemporaryDirectory", full
    ),
    "no folder": lambda cache, patch: no_folder(cache),
    "sources edited since they were loaded": lambda cache, patch: patch.setattr(
        kernel_cache, "edited", lambda files: True
    ),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_without_a_cache_kernels_are_compiled_for_one_program(
    kernel, cache, name, monkeypatch, caplog
):
    shutil.rmtree(cache)
    cache.mkdir()
    WITHOUT[name](cache, monkeypatch)
    for _ in range(2):
        assert kernel()
        assert "for this program alone" in caplog.text
        assert (f"{cache}: " in caplog.text) == (name != "sources edited since they were loaded")
    assert not cache.is_dir() or not list(cache.rglob("*.nb?"))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_several_compile_and_one_is_kept(kernel, cache, number, monkeypatch, caplog):
    def no_lock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_lock)
    before = files(cache)
    # Another, that has looked before the first was there: as good as at the same time.
    monkeypatch.setattr(kernel_cache, "_intact", lambda own: False)
    assert kernel() and os.strerror(number) in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(cache))
    assert not kernel()
    assert files(cache).keys() == before.keys()


def test_without_the_module_for_locks(kernel, cache, monkeypatch):
    monkeypatch.setattr(kernel_cache, "fcntl", None)
    shutil.rmtree(cache)
    assert kernel()
    assert not kernel()


def test_threads_compile_in_turn_and_leave_the_cache_where_it_was(cache, monkeypatch):
    lasting = iter((0.1, 0.3))

    def slow(*_, **__):
        time.sleep(next(lasting))
        return lambda function: function

    monkeypatch.setattr(numba, "njit", slow)
    before = numba.config.CACHE_DIR
    with ThreadPoolExecutor(2) as threads:
        for name in ("one", "two"):
            threads.submit(compiled_once, name, full, None, "sparsebp.engine.survivors")
    assert before == numba.config.CACHE_DIR
    assert next(lasting, None) is None


LOADING = """
from importlib import import_module
from threading import Thread
from sparsebp.engine.kernels import cache
def load(_):
    try:
        import_module("scipy.linalg")
    except ImportError:
        print("not here")
    other = Thread(target=lambda: print(import_module("scipy.linalg").__name__))
    other.start()
    other.join()
cache.import_module = load
cache._load_arrays()
"""


def test_what_one_thread_leaves_out_another_can_import():
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("not here\nscipy.linalg\n", "")


def test_other_sources_are_other_kernels_whatever_the_times_of_files(kernel, monkeypatch):
    equations = sources.PACKAGE / "engine/equations.py"
    loaded = sources._LOADED[equations]
    other = {equations: loaded._replace(content=loaded.content + b"# edited\n")}
    monkeypatch.setattr(sources, "_LOADED", sources._LOADED | other)
    for found in (sources.sources, sources.source_files, sources._imports):
        found.cache_clear()
    try:
        assert not kernel()  # that module does not import it
        of_updates = sources.sources("engine.kernels.updates")
        monkeypatch.setattr(kernel_cache, "sources", lambda module: of_updates)
        assert kernel()
        assert not kernel()
    finally:
        monkeypatch.undo()
        for found in (sources.sources, sources.source_files, sources._imports):
            found.cache_clear()


PROGRAM = """
import logging
logging.basicConfig(format="%(message)s", level=logging.INFO)
import sys
sys.path.insert(0, "src")
from sparsebp.engine import equations
from sparsebp.engine.kernels.hidden_updates import HiddenKind, damped
from sparsebp.storage import sources
assert sources.PACKAGE.parts[-2:] == ("src", "sparsebp") and "{folder}" in equations.__file__
from sparsebp.engine.kernels.cache import compiled_once

kind = HiddenKind("SumTimes", damped=True)

def run(old, new):
    return damped(kind, (old, new, 0.25, 0.75))

module = "sparsebp.engine.kernels.hidden_updates"
print(compiled_once("damp", run, "float64(float64, float64)", module)(0.0, 1.0))
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, and a program that compiles a rule of it: what it prints."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )

    def run(**environment):
        (tmp_path / "program.py").write_text(PROGRAM.format(folder=tmp_path), encoding="utf-8")
        os.utime(tmp_path / "program.py", (0, 0))
        done = subprocess.run(
            [sys.executable, "-B", "program.py"],
            cwd=tmp_path,
            env={**os.environ, "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "home")}
            | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return float(done.stdout), "compiling kernel damp" in done.stderr

    return tmp_path / "src/sparsebp", run


@pytest.mark.thorough
def test_an_edit_of_an_imported_module_is_compiled_and_taken_back_without_a_trace(copy):
    package, run = copy
    assert run() == (0.75, True)
    assert run() == (0.75, False)
    right = (package / "engine/algebras.py").read_text(encoding="utf-8")
    wrong = right.replace(
        "weights[0] * old + weights[1] * new", "weights[0] * new + weights[1] * old"
    )
    assert wrong != right
    (package / "engine/algebras.py").write_text(wrong, encoding="utf-8")
    assert run() == (0.25, True)
    (package / "engine/algebras.py").write_text(right, encoding="utf-8")
    assert run() == (0.75, False)


@pytest.mark.thorough
def test_kernels_are_those_of_the_processor_that_numba_is_told(copy):
    _, run = copy
    assert run() == (0.75, True)
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert run(**generic) == (0.75, True)
    assert run(**generic) == (0.75, False)
    assert run() == (0.75, False)


@pytest.mark.thorough
def test_with_nothing_to_write_to_a_kernel_is_compiled_all_the_same(copy):
    package, run = copy
    (package.parents[1] / "file").write_text("")
    assert run(XDG_CACHE_HOME=str(package.parents[1] / "file/home")) == (0.75, True)


BELIEFS = """
import sys
import numpy as np
from tests.problems import instance, learner
from sparsebp.engine.learning import learn

hows = [
    learner(),
    learner("max-product"),
    learner(reinforcement=0.1, damped="both"),
    learner("max-sum", factor="soft", reinforcement=0.1),
    learner("sum-product", factor="soft", beta=2.0),
    learner(method="layered", max_values=64),
    learner(method="exact"),
    learner("sum-product", factor="soft", beta=2.0, method="exact"),
]
one, found = instance(n=9, m=2, teacher=(1, 2), alphabet=(-1, 0, 1)), {}
for number, how in enumerate(hows):
    [trained] = learn(how, one.problem, one.samples, [2], 1, 0, 1)
    for layer, part in enumerate(trained.beliefs):
        found[f"{number}-{layer}"] = np.exp(part)
np.savez(sys.argv[1], **found)
"""


def test_without_a_compiler_python_computes_the_same(tmp_path):
    """The equations, under a debugger: nothing of them is compiled, and no cache is touched."""
    found = []
    for disable in ("0", "1"):
        environment = os.environ | {
            "NUMBA_DISABLE_JIT": disable,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        }
        if disable == "1":
            environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
        path = tmp_path / f"{disable}.npz"
        arguments = [sys.executable, "-c", BELIEFS, str(path)]
        done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        found.append(dict(np.load(path)))
    assert not (tmp_path / "cache").exists()
    assert found[0].keys() == found[1].keys() and len(found[0]) == 16
    for name, part in found[0].items():
        np.testing.assert_allclose(found[1][name], part, rtol=1e-9, atol=1e-12, err_msg=name)
