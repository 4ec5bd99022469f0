"""A SLURM cluster of two nodes with accounting, on this machine, for as long as a command runs.

    python -m tests.slurm_cluster snakemake --workflow-profile profiles/slurm results/trees.nc
    python -m tests.slurm_cluster bash       # to look around: sinfo, squeue, sacct

The daemons (slurmctld, slurmdbd and one slurmd for each node, munged and MariaDB, from Debian's
slurm-wlm, slurmdbd, munge and mariadb-server) run in the foreground of this program, with a
configuration, key and state of their own in a temporary folder, on ports that are free: a SLURM or
a database that the machine has already is not touched, and nothing stays behind. A node sees no
processes but its own, and all of them end with it. It has to run as root, who alone may start jobs
for others.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PACKAGES = {
    "slurm-wlm": ("slurmctld", "slurmd", "sbatch", "srun", "scancel", "sacct", "sacctmgr"),
    "slurmdbd": ("slurmdbd",),
    "munge": ("munged", "mungekey"),
    "mariadb-server": ("mariadbd", "mariadb-install-db"),
    "util-linux": ("setpriv", "unshare"),
}
NODES = ("one", "two")
SECONDS = 60  # to wait for a daemon
# Debian keeps daemons where only root's shell looks.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])

CONFIGURATION = """
ClusterName=sparsebp
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
# As on a cluster, cores and memory are handed out; jobs are not confined to them (no cgroups).
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting}
# The socket by which programs prove who they are to slurmdbd.
AccountingStoragePass={folder}/munge.socket
MpiDefault=none
# Ended jobs stay in squeue for so many seconds, where Snakemake looks for what became of them.
MinJobAge=300
# A node that does not answer for so many seconds is down, until it answers again.
SlurmdTimeout=5
ReturnToService=2
KillWait=2
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeHostname=node-{name} NodeAddr=127.0.0.1 Port={port} CPUs={cpus}"
    " RealMemory={memory} State=UNKNOWN"
)
ACCOUNTING = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={accounting}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass={password}
"""
DATABASE = """
CREATE USER slurm@127.0.0.1 IDENTIFIED BY '{password}';
GRANT ALL ON slurm_acct_db.* TO slurm@127.0.0.1;
"""


def missing() -> str:
    """Why there can be no cluster here; empty where there can."""
    packages = [
        package
        for package, programs in PACKAGES.items()
        if not all(shutil.which(name, path=PATH) for name in programs)
    ]
    if packages:
        return f"not installed (Debian: apt install {' '.join(packages)})"
    if os.geteuid() != 0:
        return "a SLURM cluster can be started by root only"
    apart = subprocess.run([*APART, "true"], capture_output=True, text=True)
    return apart.stderr.strip()


APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


class Cluster:
    """A SLURM cluster.

    Attributes:
        environment: the variables by which programs find it.
    """

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder, self.environment = folder, environment
        self.daemons: dict[str, subprocess.Popen] = {}

    def ask(self, *command: str) -> str:
        """What a SLURM program prints, whatever its exit status."""
        process = subprocess.run(
            command,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return process.stdout.strip()

    def start(self, name: str, *command: str) -> None:
        """Start a daemon, which ends with this program, even where that is killed."""
        with open(self.folder / f"{name}.out", "a") as out:
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL" if name in NODES else "TERM", *command],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def start_node(self, name: str) -> None:
        """Start a node. Its first process is a shell, which takes care of orphans."""
        self.start(name, *APART, "sh", "-c", f"slurmd -D -c -N {name}; exit $?")

    def kill(self, name: str) -> None:
        """End a daemon at once; a node with all its processes."""
        process = self.daemons.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> None:
        """End a daemon that is there, which may take its time."""
        process = self.daemons.get(name)
        if process and name not in NODES:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
        if process:
            self.kill(name)

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for something.

        Raises:
            RuntimeError: a daemon ends, or it takes more than ``SECONDS``; says what they logged.
        """
        deadline = time.monotonic() + SECONDS
        while not ready():
            ended = [name for name, process in self.daemons.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = [f"{path.stem}: {path.read_text()}" for path in self.folder.glob("*.out")]
                raise RuntimeError("\n".join([f"{what} after {SECONDS} s", *logs]))
            time.sleep(0.2)

    def wait_until_idle(self) -> None:
        """Wait until all nodes are up and free."""
        self.wait("nodes are not idle", lambda: self.states() == ["idle"] * len(NODES))

    def states(self) -> list[str]:
        """Of the nodes, in the order of their names."""
        return self.ask("sinfo", "--noheader", "--Node", "--format=%t").split()

    def empty(self) -> None:
        """Cancel all jobs and wait until none runs."""
        self.ask("scancel", "--user=root")
        self.wait("jobs are still there", lambda: not self.ask("squeue", "--noheader"))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Within, a SLURM cluster is up. At the end its jobs are cancelled and its daemons ended.

    Raises:
        RuntimeError: a daemon ends, or is not up after ``SECONDS``; says what it logged.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        folder.chmod(0o755)  # munged refuses a socket that others cannot reach
        for part in ("state", *(f"spool-{name}" for name in NODES), "bin"):
            (folder / part).mkdir()
        ports = _free_ports(3 + len(NODES))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10 // 2**20
        each = {"cpus": os.cpu_count(), "memory": memory // len(NODES)}
        values = {
            "folder": folder,
            "host": socket.gethostname().partition(".")[0],
            "password": os.urandom(16).hex(),
            "nodes": "\n".join(NODE.format(name=name, port=ports.pop(), **each) for name in NODES),
            **dict(zip(("controller", "accounting", "database"), ports, strict=True)),
        }
        for name, text in (
            ("slurm.conf", CONFIGURATION),
            ("slurmdbd.conf", ACCOUNTING),
            ("database.sql", DATABASE),
        ):
            (folder / name).write_text(text.format(**values).lstrip())
            (folder / name).chmod(0o644 if name == "slurm.conf" else 0o600)
        # Snakemake's plugin runs srun without SLURM's variables, so that srun is told again.
        srun = folder / "bin/srun"
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o755)
        environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}
        made = Cluster(folder, environment)

        def start(name, *command):
            made.start(name, *command)
            stack.callback(made.end, name)

        files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")]
        subprocess.run(["mungekey", "--create", files[0].replace("key-", "key")], check=True)
        start("munged", "munged", "--foreground", f"--socket={folder}/munge.socket", *files)
        store = ["--no-defaults", "--user=root", f"--datadir={folder}/database"]
        subprocess.run(["mariadb-install-db", *store], check=True, capture_output=True)
        where = [f"--socket={folder}/database.socket", f"--port={values['database']}"]
        start(
            "mariadbd",
            *("mariadbd", *store, *where, "--bind-address=127.0.0.1", "--skip-name-resolve"),
            *(f"--pid-file={folder}/database.pid", f"--init-file={folder}/database.sql"),
        )
        made.wait("no database", (folder / "database.pid").exists)
        start("slurmdbd", "slurmdbd", "-D")
        add = ("sacctmgr", "--immediate", "add", "cluster", "sparsebp")
        made.wait("no accounting", lambda: "sparsebp" in made.ask(*add))
        start("slurmctld", "slurmctld", "-D", "-c")
        for name in NODES:
            made.start_node(name)
            stack.callback(made.end, name)
        stack.callback(made.empty)
        made.wait_until_idle()
        yield made


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def main() -> int:
    """Run the command line. Returns the exit status of the command that was given."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.slurm_cluster",
        usage="%(prog)s COMMAND [ARGUMENT ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run on the cluster")
    command = parser.parse_args().command
    if not command:
        parser.error("the command to run is missing")
    if trouble := missing():
        parser.exit(1, f"{parser.prog}: {trouble}\n")
    with cluster() as made:
        return subprocess.run(command, env=os.environ | made.environment).returncode


if __name__ == "__main__":
    sys.exit(main())
