"""A SLURM cluster of one node, this machine, for as long as a command runs.

    python -m tests.slurm_node snakemake --workflow-profile profiles/slurm results/matched_tanh.nc
    python -m tests.slurm_node bash       # to look around: sinfo, squeue, scontrol show job

The daemons (slurmctld, slurmd and munged, from Debian's slurm-wlm and munge) run in the foreground
of this program, with a configuration, key and state of their own in a temporary folder, on ports
that are free: a SLURM that the machine has already is not touched, and nothing stays behind. It has
to run as root, who alone may start jobs for others; there is no accounting.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "setpriv")
SECONDS = 60  # to wait for a daemon
# Debian keeps daemons where only root's shell looks.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])

CONFIGURATION = """
ClusterName=sparsebp
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
# As on a cluster, cores and memory are handed out; jobs are not confined to them (no cgroups).
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
# Ended jobs stay in squeue for so many seconds, where Snakemake looks for what became of them.
MinJobAge=300
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no node here; empty where there can."""
    programs = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if programs:
        return f"not installed: {', '.join(programs)} (Debian: apt install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "a SLURM node can be started by root only"


@contextmanager
def node() -> Iterator[dict[str, str]]:
    """Within, a SLURM node is up; yields the environment variables by which programs find it.

    At the end its jobs are cancelled and its daemons ended.

    Raises:
        RuntimeError: a daemon ends, or the node is not idle after ``SECONDS``; says what it logged.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        folder.chmod(0o755)  # munged refuses a socket that others cannot reach
        for part in ("state", "spool"):
            (folder / part).mkdir()
        ports = [stack.enter_context(socket.socket()) for _ in range(2)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        text = CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            controller_port=ports[0].getsockname()[1],
            node_port=ports[1].getsockname()[1],
            cpus=os.cpu_count(),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10 // 2**20,
        )
        (folder / "slurm.conf").write_text(text.lstrip())
        for port in ports:
            port.close()
        environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}
        # Snakemake's plugin runs srun without SLURM's variables, so that srun is told again.
        srun = folder / "bin/srun"
        srun.parent.mkdir()
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o755)
        files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")]
        subprocess.run(["mungekey", "--create", files[0].replace("key-", "key")], check=True)
        commands = (
            ["munged", "--foreground", f"--socket={folder}/munge.socket", *files],
            ["slurmctld", "-D", "-c"],
            ["slurmd", "-D", "-c"],
        )
        daemons = {}
        for command in commands:
            daemons[command[0]] = stack.enter_context(_daemon(command, environment, folder))
        stack.callback(_empty, environment)
        _wait_until_idle(daemons, environment, folder)
        yield environment


@contextmanager
def _daemon(command: list[str], environment: dict, folder: Path) -> Iterator[subprocess.Popen]:
    # It ends with this program, even where that is killed.
    command = ["setpriv", "--pdeathsig", "TERM", *command]
    with open(folder / f"{command[3]}.out", "w") as out:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_idle(daemons: dict, environment: dict, folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while ask("sinfo", "--noheader", "--format=%t", environment=environment) != "idle":
        ended = [name for name, process in daemons.items() if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            logs = "".join(f"\n{name}: {(folder / f'{name}.out').read_text()}" for name in daemons)
            raise RuntimeError(f"the SLURM node did not come up{logs}")
        time.sleep(0.2)


def _empty(environment: dict) -> None:
    """Cancel all jobs and wait until none runs."""
    ask("scancel", "--user=root", environment=environment)
    deadline = time.monotonic() + SECONDS
    while ask("squeue", "--noheader", environment=environment) and time.monotonic() < deadline:
        time.sleep(0.2)


def ask(*command: str, environment: dict) -> str:
    """What a SLURM program prints, whatever its exit status."""
    process = subprocess.run(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return process.stdout.strip()


def main() -> int:
    """Run the command line. Returns the exit status of the command that was given."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.slurm_node",
        usage="%(prog)s COMMAND [ARGUMENT ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run on the node")
    command = parser.parse_args().command
    if not command:
        parser.error("the command to run is missing")
    if trouble := missing():
        parser.exit(1, f"{parser.prog}: {trouble}\n")
    with node() as environment:
        return subprocess.run(command, env=os.environ | environment).returncode


if __name__ == "__main__":
    sys.exit(main())
