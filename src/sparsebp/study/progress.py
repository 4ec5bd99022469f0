"""How far a run of Snakemake is, in one line: its logger plugin ``sparsebp``.

The workflow's profiles name it, so that plain ``snakemake`` has it. What else Snakemake says of a
job is in its log, in ``.snakemake/log``.
"""

import logging
import shutil
import sys
import time
from collections import Counter
from logging import LogRecord

from snakemake.logging import ColorizingTextHandler
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from sparsebp.study.durations import words

SECONDS_BETWEEN = 60
"""At least so many seconds pass between two lines that are not on a terminal."""

LEAST_TIMED, LEAST_COUNTED = 0.01, 0.2
"""Before so much of the work is done, it says little of the rest: kernels are compiled first. Where
no earlier run timed any job, so many of the jobs, as the longest often come first."""

UNKNOWN = 1, None, ()
"""What is known of a job of which nothing is: that it has a thread."""

CLEAR = "\r\033[K"
"""Tells a terminal to clear the line."""

IN_LOG = {
    LogEvent.WORKFLOW_STARTED,
    LogEvent.RESOURCES_INFO,
    LogEvent.GROUP_INFO,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.PROGRESS,
}
"""Events that the log tells in full."""


class Progress:
    """How far a run is.

    Attributes:
        total: how many jobs there are; 0 before that is known.
        done: the jobs that are done, by Snakemake's number.
        running: those at work.
        failed: those that failed.
    """

    def __init__(self, clock=time.time):
        """Begin.

        Args:
            clock: tells the time in seconds.
        """
        self.total = 0
        self.done, self.running, self.failed = set(), set(), set()
        self._clock, self._start = clock, clock()
        self._jobs, self._left = {}, Counter()  # of each kind: threads, seconds and keys
        self._begun, self._worked = {}, 0.0
        self._number, self._took = Counter(), Counter()  # of each key

    def note(self, record: LogRecord) -> None:
        """Count what a record of Snakemake says."""
        if computing := getattr(record, "computing", {}):
            self._jobs, self._left = computing, Counter(computing.values())
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                self.total, self._start = record.stats["total"], self._clock()
            case LogEvent.JOB_INFO:
                self.running.add(record.jobid)
                self.failed.discard(record.jobid)  # if it is tried again
                self._begun[record.jobid] = self._clock()
            case LogEvent.JOB_FINISHED:
                self.running.discard(record.job_id)
                self.done.add(record.job_id)
                self._time(record.job_id)
            case LogEvent.JOB_ERROR:
                self.running.discard(record.jobid)
                self.failed.add(record.jobid)

    def line(self, ended: bool = False) -> str:
        """The state in words.

        Args:
            ended: whether the run has. What was at work then is not done.
        """
        done, failed = len(self.done), len(self.failed)
        running = 0 if ended else len(self.running)
        counts = {
            "running": running,
            "failed": failed,
            "left": self.total - done - running - failed,
        }
        parts = [f"{done} of {self.total} jobs done"]
        parts += [f"{number} {what}" for what, number in counts.items() if number]
        now, share = self._clock(), self._share()
        elapsed = now - self._start
        timed = any(seconds is not None for _, seconds, _ in self._left)
        enough = share >= LEAST_TIMED if timed else done >= LEAST_COUNTED * self.total
        if enough and share and not ended:
            more = elapsed * (1 - share) / share
            end = time.strftime("%H:%M", time.localtime(now + more))
            parts.append(f"about {words(more)} more, until {end}")
        else:
            parts.append(f"in {words(elapsed)}")
        return ", ".join(parts)

    def _time(self, job) -> None:
        """Note how long a job took that is done, for those like it that are left."""
        threads, _, keys = kind = self._jobs.get(job, UNKNOWN)
        now = self._clock()
        seconds = now - self._begun.get(job, now)
        self._left[kind] -= job in self._jobs
        self._worked += threads * seconds
        for key in {*keys}:
            self._number[key] += 1
            self._took[key] += seconds

    def _share(self) -> float:
        """The share of the work that is done. A job like no other takes the mean of those done."""
        usual = self._worked / max(len(self.done), 1)

        def work(threads, seconds, keys) -> float:
            ran = (self._took[key] / self._number[key] for key in keys if self._number[key])
            seconds = next(ran, seconds)
            return usual if seconds is None else threads * seconds

        rest = sum(number * work(*kind) for kind, number in self._left.items())
        rest += usual * (self.total - len(self.done | self._jobs.keys()))
        return self._worked / (self._worked + rest) if rest else 0.0


class LogHandler(LogHandlerBase, ColorizingTextHandler):
    """Writes what Snakemake does by default, but in place of all that is said of jobs one line.

    Errors and warnings are written in full. A dry run is told as by default.
    """

    writes_to_stream = True
    writes_to_file = has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self) -> None:
        """Begin with nothing written."""
        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        ColorizingTextHandler.__init__(self, nocolor=settings.nocolor, stream=stream)
        self._progress, self._said = Progress(), set()
        self._rewrites, self._written = self.can_color_tty(), time.monotonic()

    def emit(self, record: LogRecord) -> None:
        """Write a record or count it, and say how far the run is."""
        try:
            if self.common_settings.dryrun:
                ColorizingTextHandler.emit(self, record)
                return
            self._progress.note(record)
            if self._is_shown(record):
                self._write(CLEAR if self._rewrites else "")
                ColorizingTextHandler.emit(self, record)
            if self._progress.total:
                self._tell()
        except BrokenPipeError:
            pass  # Nobody reads any more, as after `| head`; the run goes on.
        except Exception:
            self.handleError(record)

    def _is_shown(self, record: LogRecord) -> bool:
        event = getattr(record, "event", None)
        if record.levelno != logging.INFO:
            return True
        if event is not None:
            return event not in IN_LOG
        # Of what comes with every job, once is enough.
        text = record.getMessage()
        new = not self._progress.running and text not in self._said
        self._said.add(text)
        return new

    def _tell(self) -> None:
        """Write the line over the last one; where that cannot be, only now and then."""
        if self._rewrites:
            columns = shutil.get_terminal_size().columns - 1
            self._write(CLEAR + self._progress.line()[:columns])
        elif time.monotonic() - self._written >= SECONDS_BETWEEN:
            self._write(f"{self._progress.line()}\n")
            self._written = time.monotonic()

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def close(self) -> None:
        """Leave the last line on the screen, once: Python closes all that is logged to again."""
        if self._progress.total:
            self._write(f"{CLEAR if self._rewrites else ''}{self._progress.line(ended=True)}\n")
            self._progress.total = 0
        super().close()
