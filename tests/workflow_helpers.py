"""A copy of the project that the workflow's tests edit and run.

Snakemake reports its jobs, of dry runs and of real ones, to the logger plugin at the end of this
file: a copy of the file stands under the name by which Snakemake finds plugins.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import product
from logging import LogRecord
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

import yaml
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_logger_plugins.base import LogHandlerBase

from sparsebp.storage import paths

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("Snakefile", "config.yaml", "environment.yml", "pyproject.toml")
FOLDERS = ("src", "workflow")
LINKS = ("profiles",)
TIMEOUT = 600
TARGETS = {"all", "figures", "pages", "results"}


class Run:
    """What a run of Snakemake did.

    Attributes:
        jobs: all jobs that ran or, dry, would run, in this order; each "rule wildcard wildcard".
        failed: those that failed.
        status: exit status.
        output: what it printed.
    """

    def __init__(self, status: int, folder: Path):
        self.status, self.output = status, (folder / "output").read_text()
        begun, self.failed = {}, set()
        for event in map(json.loads, (folder / "events").read_text().splitlines()):
            if event["event"] == "job_info":
                assert event["id"] not in begun, f"{event['job']} ran twice"
                begun[event["id"]] = event["job"]
            else:
                self.failed.add(begun[event["id"]])
        self.jobs = list(begun.values())

    @property
    def work(self) -> set[str]:
        """The jobs that make something: all but the target rules."""
        return set(self.jobs) - TARGETS


class Running:
    """Snakemake at work.

    Attributes:
        process: its process, which leads a group of its own: jobs are in it.
    """

    def __init__(self, process: subprocess.Popen, folder: Path):
        self.process, self._folder = process, folder

    def end(self) -> Run:
        """Wait for the end of Snakemake, though not for jobs that outlive it."""
        try:
            return Run(self.process.wait(TIMEOUT), self._folder)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def alive(self) -> bool:
        """Whether Snakemake or a job of it is still running."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Project:
    """A copy of the project with a configuration of its own.

    With sources of its own too, they can be edited. Otherwise they are those of this checkout, and
    so are the kernels compiled from them, which all tests share.
    """

    def __init__(self, folder: Path, config: dict, own_sources: bool = False):
        self.folder = folder / "study"
        self.plugins = folder / "plugins"
        plugin = self.plugins / "snakemake_logger_plugin_joblist"
        plugin.mkdir(parents=True)
        shutil.copy2(__file__, plugin / "__init__.py")
        self.folder.mkdir()
        for part in PARTS:
            shutil.copy2(ROOT / part, self / part)
        for part in FOLDERS if own_sources else ("workflow",):
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, self / part, symlinks=True, ignore=ignore)
        for part in LINKS:
            (self / part).symlink_to(os.readlink(ROOT / part))
        if not own_sources:
            (self / "src").symlink_to(ROOT / "src")
            (self / paths.KERNELS).parent.mkdir()
            (self / paths.KERNELS).symlink_to(os.environ["NUMBA_CACHE_DIR"])
        (self / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def change(self, changes: dict) -> None:
        """Set values in config.yaml; a key is the path to it, with dots."""
        config = yaml.safe_load((self / "config.yaml").read_text())
        for key, value in changes.items():
            *path, last = (int(part) if part.isdigit() else part for part in key.split("."))
            block = config
            for part in path:
                block = block[part]
            block[last] = value
        (self / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def append(self, path: str, text: str) -> None:
        """Add text to the end of a file."""
        with open(self / path, "a") as file:
            file.write(text)

    def save(self, snapshot: Path) -> None:
        """Copy everything, with the times of the files."""
        shutil.copytree(self.folder, snapshot, symlinks=True)

    def restore(self, snapshot: Path) -> None:
        """Back to a saved state, in the same folder: Numba's cache goes by the path of a source."""
        shutil.rmtree(self.folder)
        shutil.copytree(snapshot, self.folder, symlinks=True)

    def start(self, *arguments: str, output, before: str = "", **environment: str):
        """Start Python in the folder, with the copy's package, as the leader of a process group.

        Args:
            output: a file for what it prints.
            before: a folder of programs that stand in for others.
        """
        programs = [before, str(Path(sys.executable).parent), os.environ["PATH"]]
        environment["PATH"] = os.pathsep.join(filter(None, programs))
        environment["PYTHONPATH"] = os.pathsep.join(
            [str((self / "src").resolve()), str(self.plugins)]
        )
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def python(self, *arguments: str):
        """Run Python in the folder, with the copy's package: its status and what it printed."""
        with TemporaryFile("w+") as output:
            status = self.start(*arguments, output=output).wait(TIMEOUT)
            output.seek(0)
            return status, output.read()

    def sparsebp(self, *arguments: str):
        """Run a command of the package in the folder: its status and what it printed."""
        program = "import sys; from sparsebp.cli import main; sys.exit(main(sys.argv[1:]))"
        return self.python("-c", program, *arguments)

    def begin(self, *arguments: str, before: str = "", **environment: str) -> "Running":
        """Start Snakemake."""
        folder = Path(mkdtemp(dir=self.plugins))
        (folder / "events").touch()
        environment["JOBLIST"] = str(folder / "events")
        command = ("-m", "snakemake", *arguments, "--logger", "joblist")
        with open(folder / "output", "w") as output:
            process = self.start(*command, output=output, before=before, **environment)
        return Running(process, folder)

    def snakemake(self, *arguments: str, before: str = "", **environment: str) -> Run:
        """Run Snakemake, whatever comes of it."""
        return self.begin(*arguments, before=before, **environment).end()

    def make(self, *arguments: str) -> Run:
        """Run Snakemake on two cores; it has to succeed."""
        run = self.snakemake("--cores", "2", *arguments)
        assert run.status == 0, run.output
        return run

    def todo(self, *arguments: str) -> set[str]:
        """The jobs that would run."""
        return self.make("--dry-run", *arguments).work


def jobs(rule: str, *wildcards: str | tuple[str, ...]) -> set[str]:
    """Jobs as ``Run`` names them, for all combinations of wildcards."""
    choices = [values if isinstance(values, tuple) else (values,) for values in wildcards]
    return {" ".join([rule, *values]) for values in product(*choices)}


class LogHandler(LogHandlerBase):
    """Snakemake's logger plugin ``joblist``: a line for each job begun and each failure."""

    writes_to_stream = writes_to_file = needs_rulegraph = False
    has_filter = has_formatter = True

    def __post_init__(self) -> None:
        """Ask what became of cluster jobs every ASK_EVERY seconds, where that variable is set.

        Else Snakemake waits ten seconds more each time that nothing has.
        """
        if "ASK_EVERY" in os.environ:
            seconds = float(os.environ["ASK_EVERY"])
            RemoteExecutor.next_seconds_between_status_checks = property(
                lambda _: seconds, lambda *_: None
            )

    def emit(self, record: LogRecord) -> None:
        """Append the event to the file that the variable JOBLIST names.

        At the event, of any kind, whose number KILL_AT is, Snakemake is killed.
        """
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == int(os.environ.get("KILL_AT", 0)):
            os.kill(os.getpid(), signal.SIGKILL)
        event = str(getattr(record, "event", ""))
        if event not in ("job_info", "job_error"):
            return
        line = {"event": event, "id": record.jobid}
        if event == "job_info":
            line["job"] = " ".join([record.rule_name, *record.wildcards.values()])
        with open(os.environ["JOBLIST"], "a") as file:
            print(json.dumps(line), file=file)
