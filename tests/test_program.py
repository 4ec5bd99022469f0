"""The program ends at once when it is asked to: in one line, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from sparsebp.program import ENDING
from tests.given import given
from tests.step_helpers import DRAW, LEARNER, SEED_FOLDER, TRAIN, call, options

ROOT = Path(__file__).parents[1]
SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["sparsebp"]
PROGRAM = "import sys; from {} import {}; sys.exit({}())".format(
    *SCRIPT.split(":"), SCRIPT.split(":")[1]
)
# Whatever the tests themselves ignore, as in the background of a shell.
HEED = f"""
import signal
for number in {[int(number) for number in ENDING]}:
    signal.signal(number, signal.SIG_DFL)
"""
# Says on stdout when the last kernel call begins, and makes it take days.
MANY = 10**6
IN_KERNEL = f"""{HEED}
from sparsebp import cli
step = cli.main
def watched():
    from sparsebp.engine.messages import Messages
    run = Messages.run
    def told(messages, steps, *threads):
        if steps == {MANY}:
            print("begun", flush=True)
            steps = {MANY**2}
        return run(messages, steps, *threads)
    Messages.run = told
    return step()
cli.main = watched
{PROGRAM}
"""
# Sends a signal at the import of a module.
AT_IMPORT = """
import os, signal, sys
pending = True
def watch(event, arguments):
    global pending
    if pending and event == "import" and arguments[0] == {module!r}:
        pending = False
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(watch)
"""
# Says on stdout when all programs that compile are there.
COMPILING = f"""
import multiprocessing, signal, sys, threading, time
def tell():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # as threads of the program have it
    while len(pool := multiprocessing.active_children()) < 2:
        time.sleep(0.05)
    print(*[child.pid for child in pool], flush=True)
if __name__ == "__main__":
    for number in {[int(number) for number in ENDING]}:
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=tell, daemon=True).start()
    {PROGRAM}
"""


@pytest.fixture
def start():
    """Starts Python; what a test leaves running is ended."""
    running = []

    def start(*arguments, **more):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, *map(str, arguments)]
        running.append(subprocess.Popen(command, text=True, **pipes, **more))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A simulation, on which a short training has compiled the kernels."""
    folder = tmp_path_factory.mktemp("drawn")
    assert call("draw", DRAW, *options("draw", folder)) == 0
    assert call("train", TRAIN, *options("train", folder, output=folder / "short.nc")) == 0
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_a_training_amid_a_call_of_a_kernel(start, drawn, tmp_path, number, threads):
    learner = LEARNER | {"max_steps": MANY, "damping": 1 - 1e-9, "tolerance": 1e-300}
    spec = given(TRAIN | {"learner": learner})
    output = tmp_path / "new/long.nc"
    files = options("train", drawn, output=output)
    running = start("-c", IN_KERNEL, "train", spec, *files, "--threads", threads)
    assert running.stdout.readline() == "begun\n", running.stderr.read()
    assert len(list(output.parent.iterdir())) == 1
    running.send_signal(number)
    sent = time.monotonic()
    _, stderr = running.communicate(timeout=60)
    assert time.monotonic() - sent < 5
    assert stderr == f"sparsebp train: interrupted ({number.name})\n"
    assert running.returncode == 128 + number
    assert list(output.parent.iterdir()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("module", ["argparse", "numpy", "numba", "sparsebp.engine.learning"])
def test_a_signal_amid_imports_is_one_line(start, drawn, tmp_path, module):
    files = options("train", drawn, output=tmp_path / "new.nc")
    code = HEED + AT_IMPORT.format(module=module) + PROGRAM
    running = start("-c", code, "train", given(TRAIN), *files)
    _, stderr = running.communicate(timeout=60)
    assert stderr == "sparsebp train: interrupted (SIGINT)\n"
    assert running.returncode == 128 + signal.SIGINT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_what_compiles_kernels_ends_too(start, tmp_path):
    """Though the signal is for the program that started it, or comes to all as with Ctrl-C."""
    script = tmp_path / "script.py"
    script.write_text(COMPILING)
    spec = {"kernels": [["steps", algebra, 3, 3, 3, 3] for algebra in ("sum-times", "max-plus")]}
    output = tmp_path / "made" / "kernels.json"
    for all_of_them in (False, True):
        running = start(
            *(script, "kernels", given(spec), "--output", output, "--threads=2"),
            start_new_session=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        )
        pool = [int(pid) for pid in running.stdout.readline().split()]
        (os.killpg if all_of_them else os.kill)(running.pid, signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
        # Python tells besides that it removes semaphores.
        assert "sparsebp kernels: interrupted (SIGINT)" in stderr.splitlines()
        assert "Traceback" not in stderr
        assert list(output.parent.iterdir()) == []
        deadline = time.monotonic() + 10
        while any(map(alive, pool)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.thorough
def test_what_is_ignored_from_the_start_stays_ignored(start, drawn, tmp_path):
    """As under nohup."""
    output = tmp_path / "new.nc"
    files = options("train", drawn, output=output)
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code = ignoring + AT_IMPORT.format(module="numpy") + PROGRAM
    running = start("-c", code, "train", given(TRAIN), *files)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 0, stderr
    assert output.exists()


@pytest.mark.thorough
def test_a_backend_and_a_terminal_that_lack_what_is_needed(start, drawn, tmp_path):
    """As a notebook names them, of which the program has no use; and a terminal without a β."""
    figure = {"thesis": "Fig. β", "drawing": {"of": "network", "experiment": "tiny", "output": 1}}
    parts = {"teacher": DRAW["teacher"], "student": DRAW["student"]}
    spec = {"name": "net", "figure": figure, "experiments": {"tiny": parts}}
    output = tmp_path / "net.svg"
    place = drawn / SEED_FOLDER.format(experiment="tiny", seed=0)
    patterns = {name: f"{place}/{name}.nc" for name in parts}
    odd = os.environ | {"MPLBACKEND": "nosuch", "PYTHONIOENCODING": "latin-1"}
    arguments = ["--inputs", given(patterns), "--output", output]
    running = start("-c", PROGRAM, "figure", given(spec), *arguments, env=odd)
    assert running.communicate(timeout=120) == ("", "")
    running = start("-c", PROGRAM, "show", output, env=odd, cwd=tmp_path)
    stdout, stderr = running.communicate(timeout=120)
    assert stdout.startswith(f"{output}: figure net (Fig. \\u03b2)")
    assert stderr.startswith("sparsebp show: nothing to compare with: ")
    assert len(stderr.splitlines()) == 1
