"""The program ``sparsebp``, whatever surrounds it: it ends at once when it is asked to.

Little is loaded here, so that this holds from its first moments on.
"""

import os
import signal
import sys
from contextlib import suppress
from threading import Thread

ENDING = signal.SIGHUP, signal.SIGINT, signal.SIGTERM
"""Of a closed terminal, of Ctrl-C, and of who wants a program to end."""


def main() -> int:
    """Run the command that the command line names. Returns the exit status, see ``cli.main``.

    Python itself heeds signals in the main thread, between two of its instructions. But that thread
    may be in a kernel for minutes, or importing, where an interruption is a traceback. So a thread
    of its own waits for them. All others, and the programs that they start, have them blocked.
    """
    # Not what is ignored from the start, as under nohup: where blocked, it would come all the same.
    heeded = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, heeded)
    Thread(target=_end, args=[heeded], daemon=True).start()
    # No step shows a window, and what a notebook sets for its own may not be there.
    os.environ["MPLBACKEND"] = "agg"
    # A terminal that has no β shows its number, as on stderr.
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")
    from sparsebp import cli

    return cli.main()


def _end(heeded: list[int]) -> None:
    """At the first of these signals end this program and those that it started, in one line."""
    number = signal.sigwait(heeded)
    from multiprocessing import active_children

    from sparsebp.storage.atomic import abandon

    abandon()
    line = " ".join(["sparsebp", *sys.argv[1:2]]) + f": interrupted ({number.name})\n"
    with suppress(OSError):
        os.write(2, line.encode())
    for child in active_children():
        os.kill(child.pid, signal.SIGKILL)
    os._exit(128 + number)
