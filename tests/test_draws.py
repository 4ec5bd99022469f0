"""The same seed draws the same teacher, data and student, whatever the processor."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.draws import draws, instructions

SWITCH = "NPY_DISABLE_CPU_FEATURES"
HERE = instructions()


@pytest.fixture(scope="module")
def ours():
    return draws()


@pytest.mark.thorough
@pytest.mark.skipif(not HERE, reason="NumPy uses no vector instructions here to be switched off")
@pytest.mark.parametrize("kept", range(max(len(HERE), 1)))
def test_draws_are_those_of_a_processor_with_fewer_instructions(kept, ours, tmp_path):
    off = " ".join([os.environ.get(SWITCH, ""), *HERE[kept:]])
    # NumPy warns of names that it does not know.
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.draws", tmp_path / "draws.npz"],
        env=os.environ | {SWITCH: off},
        cwd=ROOT,
        check=True,
    )
    with np.load(tmp_path / "draws.npz") as theirs:
        assert theirs["instructions"].tolist() == HERE[:kept]
        assert set(theirs) == {"instructions", *ours}
        for name, array in ours.items():
            # Another processor may round tanh in another way (docs/cluster.md).
            atol = 1e-14 if "y tanh" in name else 0
            np.testing.assert_allclose(theirs[name], array, rtol=0, atol=atol, err_msg=name)
