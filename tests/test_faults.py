"""Each kind of fault once; `python -m tests.faults` tries them at many points."""

import pytest

from tests import faults

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study():
    with faults.undisturbed(times=1) as study:
        yield study


@pytest.mark.parametrize("name", faults.KINDS)
def test_the_study_recovers(study, name):
    if name not in faults.POSSIBLE:
        pytest.skip("needs the right to mount")
    done = faults.disturb(study, name, "1 0")
    assert done.faults > 0
