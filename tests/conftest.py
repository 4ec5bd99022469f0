"""Settings and fixtures that several test files share."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# What the tests compile, they share, with each other and with the next time.
KERNELS = ROOT / "build/kernels"
KERNELS.mkdir(parents=True, exist_ok=True)
os.environ["NUMBA_CACHE_DIR"] = str(KERNELS)

# The same examples in every run, however slow the machine is.
settings.register_profile("sparsebp", deadline=None, derandomize=True)
settings.load_profile("sparsebp")


@pytest.fixture
def config():
    """The whole study, to be changed at will."""
    from tests.configurations import whole  # here, as above is told where kernels are

    return whole()


@pytest.fixture
def schema():
    """Path of the configuration's schema."""
    return ROOT / "workflow" / "schemas" / "config.schema.yaml"


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the project that the fixture ``finished`` of a test file made, to work in."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def opened():
    """A browser without a window."""
    from tests.browser import headless  # here, as few tests need it

    browser = headless()
    yield browser
    browser.quit()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """As many as there are cores, and one more for slow tests, which wait for other programs."""
    return len(os.sched_getaffinity(0)) + ("not slow" not in config.option.markexpr)


# A file's tests run one after the other, so the files that take longest begin first.
LONGEST = [
    "test_slurm.py",
    "test_faults.py",
    "test_workflow.py",
    "test_report.py",
    "test_steps.py",
    "test_messages.py",
    "test_learning.py",
    "test_resources.py",
    "test_fuzz_config.py",
]


def pytest_collection_modifyitems(items):
    """Put the tests of the longest files first."""
    items.sort(key=lambda item: [*LONGEST, item.path.name].index(item.path.name))
