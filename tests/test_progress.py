"""Progress of a run in one line: what Snakemake's records become on a terminal and in a file."""

import logging
import time
from io import StringIO
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from sparsebp.study import progress
from sparsebp.study.progress import LogHandler, Progress


def record(event=None, text="", level=logging.INFO, **more):
    return logging.makeLogRecord({"event": event, "msg": text, "levelno": level, **more})


def stats(total):
    return record(LogEvent.RUN_INFO, "Job stats: ...", stats={"train": total - 1, "total": total})


def begun(job):
    return record(LogEvent.JOB_INFO, jobid=job)


def done(job):
    return record(LogEvent.JOB_FINISHED, job_id=job)


def failed(job):
    return record(LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, jobid=job)


class Clock:
    """A time that tests set, in seconds after a whole hour."""

    def __init__(self):
        self.seconds = 0

    def __call__(self):
        return time.mktime((2026, 1, 1, 10, 0, 0, 0, 0, 0)) + self.seconds


@pytest.fixture
def run():
    """The state of a run of five jobs, at 10:00."""
    state = Progress(Clock())
    state.note(stats(5))
    return state


def later(state, seconds, *records):
    state._clock.seconds = seconds
    for one in records:
        state.note(one)
    return state.line()


def test_jobs_are_counted(run):
    assert run.line() == "0 of 5 jobs done, 5 left, in 0 s"
    assert later(run, 1, begun(0), begun(3)) == "0 of 5 jobs done, 2 running, 3 left, in 1 s"
    line = "1 of 5 jobs done, 1 running, 3 left, about 8 s more, until 10:00"
    assert later(run, 2, done(3)) == line
    line = "1 of 5 jobs done, 1 failed, 3 left, about 8 s more, until 10:00"
    assert later(run, 2, failed(0)) == line
    line = "1 of 5 jobs done, 1 running, 3 left, about 8 s more, until 10:00"
    assert later(run, 2, begun(0)) == line, "it is tried again"


def test_the_end_is_expected_at_the_pace_so_far(run):
    later(run, 0, *map(begun, range(2)))
    line = later(run, 1800, done(0))
    assert line == "1 of 5 jobs done, 1 running, 3 left, about 2 h 0 min more, until 12:30"


def test_the_first_jobs_of_very_many_say_nothing_of_the_end():
    run = Progress(Clock())
    run.note(stats(1000))
    later(run, 0, *map(begun, range(1000)))
    assert later(run, 120, done(0)) == "1 of 1000 jobs done, 999 running, in 2 min"
    # Nor do more of them, as nobody knows how long others take.
    assert later(run, 1200, *map(done, range(1, 199))).endswith("801 running, in 20 min")
    assert later(run, 1200, done(199)).endswith("about 1 h 20 min more, until 11:40")
    # But where all have been timed.
    run = Progress(Clock())
    run.note(stats(1000))
    run.note(record(text="Time: ...", computing=dict.fromkeys(range(1000), (1, 120, ("a",)))))
    later(run, 0, *map(begun, range(1000)))
    assert later(run, 120, done(0)).endswith("999 running, in 2 min")
    assert "until 13:20" in later(run, 120, *map(done, range(1, 10)))


def test_jobs_weigh_what_they_took_in_earlier_runs(run):
    """And those of which nothing is known as the mean of those that are done."""
    computing = {0: (1, 30, ("a",)), 1: (1, 10, ("b",)), 2: (2, 20, ("c",)), 3: (1, None, ())}
    run.note(record(text="Time: ...", computing=computing))
    later(run, 0, *map(begun, range(2)))
    line = later(run, 60, done(0))  # 60 s of work; 10, 2 * 20 and 2 * 60 are left
    assert line == "1 of 5 jobs done, 1 running, 3 left, about 3 min more, until 10:03"
    line = later(run, 100, done(1), begun(2), begun(3))  # 160 s; 2 * 20 and 2 * 80
    assert line.endswith("about 2 min more, until 10:03")
    line = later(run, 120, done(3))  # 180 s; 2 * 20 and 60
    assert line.endswith("about 1 min more, until 10:03")


def test_what_has_run_tells_the_time_of_what_is_like_it(run):
    """Better than earlier runs do: of the most alike there is."""
    one, other = ("one seed", "train"), ("another learner", "train")
    computing = {0: (1, 10, one), 1: (1, 10, one), 2: (1, 10, other), 3: (1, None, other)}
    run.note(record(text="Time: ...", computing=computing | {4: (1, 5, ("figure",))}))
    line = later(run, 60, begun(0)) and later(run, 100, done(0))  # 40 s; 3 * 40 and 5
    assert line.endswith("about 5 min more, until 10:06")
    line = later(run, 100, begun(2)) and later(run, 160, done(2))  # 100 s; 40, 60 and 5
    assert line.endswith("about 3 min more, until 10:05")


def test_an_ended_run_expects_no_end(run):
    later(run, 0, *map(begun, range(3)))
    later(run, 90, done(0), failed(1))
    assert run.line(ended=True) == "1 of 5 jobs done, 1 failed, 3 left, in 2 min"


# What is written


class Screen(StringIO):
    """A terminal."""

    def isatty(self):
        return True


def lines(screen):
    """What stands on a terminal in the end."""
    written = screen.getvalue().removesuffix("\n").split("\n")
    return [line.rpartition("\r\033[K")[2] for line in written]  # which clears a line


@pytest.fixture
def handler(monkeypatch):
    """Makes a handler that writes into a stream."""

    def make(stream, **settings):
        monkeypatch.setattr("sys.stderr", stream)
        common = {"dryrun": False, "nocolor": True, "stdout": False} | settings
        return LogHandler(SimpleNamespace(**common), None)

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return make


WHOLE = [
    record(text="Building DAG of jobs..."),
    record(LogEvent.WORKFLOW_STARTED, "Workflow has started!"),
    record(LogEvent.RESOURCES_INFO, "Provided cores: 2"),
    stats(2),
    record(text="Select jobs to execute..."),
    record(LogEvent.JOB_STARTED, "Execute 1 jobs..."),
    begun(0),
    record(text="Job 0 has been submitted"),
    done(0),
    record(LogEvent.PROGRESS, done=1, total=2),
    record(text="Select jobs to execute..."),
    begun(1),
    done(1),
    record(text="Complete log(s): here"),
]
SHOWN = ["Building DAG of jobs...", "Job stats: ...", "Select jobs to execute..."]


def test_on_a_terminal_one_line_is_rewritten(handler):
    screen = Screen()
    one = handler(screen)
    for event in WHOLE:
        one.handle(event)
    one.close()
    one.close()
    assert lines(screen) == [*SHOWN, "Complete log(s): here", "2 of 2 jobs done, in 0 s"]
    assert "0 of 2 jobs done, 1 running, 1 left, in 0 s\r" in screen.getvalue()


def test_a_line_fits_on_the_terminal(handler, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()
    handler(screen).handle(stats(2))
    assert lines(screen)[-1] == "0 of 2 jobs done, 2"


@pytest.mark.parametrize("stream", [StringIO, Screen], ids=["file", "dumb terminal"])
def test_elsewhere_a_line_comes_only_now_and_then(handler, monkeypatch, stream):
    monkeypatch.setenv("TERM", "dumb")
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    file = stream()
    one = handler(file)
    for event in WHOLE:
        now += progress.SECONDS_BETWEEN / (len(WHOLE) - 4)  # the fourth from last comes in time
        one.handle(event)
    one.close()
    found = file.getvalue().splitlines()
    between = [line for line in found if line.startswith("1 of 2 jobs done, 1 left, about ")]
    assert len(between) == 1
    between += ["Complete log(s): here", "2 of 2 jobs done, in 0 s"]
    assert [line for line in found if line not in between] == SHOWN
    assert "\r" not in file.getvalue() and "\033" not in file.getvalue()


def test_errors_and_warnings_are_written_in_full(handler):
    screen = Screen()
    one = handler(screen)
    events = [stats(2), begun(0), record(text="a warning", level=logging.WARNING), failed(0)]
    for event in events:
        one.handle(event)
    one.close()
    end = "0 of 2 jobs done, 1 failed, 1 left, in 0 s"
    assert lines(screen) == ["Job stats: ...", "a warning", "Error in rule train", end]


def test_a_dry_run_is_told_as_by_default(handler):
    file = StringIO()
    one = handler(file, dryrun=True)
    for event in WHOLE:
        event = logging.makeLogRecord(vars(event) | {"msg": event.msg or "something"})
        one.handle(event)
    one.close()
    said = [event.msg or "something" for event in WHOLE]
    assert [line for line in file.getvalue().splitlines() if line] == said


def test_a_run_goes_on_if_nobody_reads(handler):
    class Closed(StringIO):
        def write(self, text):
            raise BrokenPipeError

    one = handler(Closed())
    for event in WHOLE:
        one.handle(event)
    assert one._progress.done == {0, 1}


def test_snakemake_finds_it():
    plugin = LoggerPluginRegistry().get_plugin("sparsebp")
    assert plugin.log_handler is LogHandler
