import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from telos.agent.world_model import TransformerPredictorConfig
from telos.core.heap import keep_heap
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_heap()
predictor = TransformerPredictorConfig(history=1, depth=2).build(latent_size=96, scenery_size=0, action_size=2).eval()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
@torch.no_grad()
def imagine():
    predictor.unroll(torch.zeros(1, 96), torch.zeros(1, 0), torch.zeros(1, 0), torch.zeros(300, 5, 2))
imagine()
before = faults()
for _ in range(5):
    imagine()
print(faults() - before)
"""


def faults(case: str, **environment: str) -> int:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run([sys.executable, "-c", SCRIPT, case], env={**plain, **environment}, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_memory_that_is_used_again_is_not_fetched_again():
    assert faults("kept") < faults("default") / 5


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_what_the_environment_says_of_the_heap_is_left_alone():
    assert faults("kept", MALLOC_TRIM_THRESHOLD_="0") > 1000
