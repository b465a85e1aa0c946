import json

import pytest

from envs.intercode.bash.limits import MIB, Limits
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import Tree


def test_limits_are_facts_for_reports() -> None:
    facts = Limits(seconds=3).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["seconds"] == 3


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_the_time_of_a_command_goes_before_that_of_the_sandbox(sandbox: Sandbox, seconds: float) -> None:
    output = sandbox.run(["sleep", "10"], seconds=seconds)
    assert output.timed_out
    assert output.code == 137
    assert seconds <= output.seconds < seconds + 1


def test_each_limit_is_the_one_that_was_given(small_tree: Tree) -> None:
    limits = Limits(
        seconds=0.3, address_space=300 * MIB, processes=30, layer_bytes=3 * MIB, inodes=600, output_bytes=1000
    )
    ask = "ulimit -v; ulimit -u; ulimit -f; ulimit -c; df -B1 --output=size /; df --output=itotal / | tail -1"
    with Sandbox(small_tree, limits=limits) as sandbox:
        answer = sandbox.run(["/bin/bash", "-c", ask]).data.decode().split()
        assert answer[:4] == [str(300 << 10), "30", str(3 << 10), "0"]
        assert answer[-2:] == [str(3 * MIB), "600"]
        assert sandbox.run(["/bin/bash", "-c", "printf '%1000s'"]).flooded is False
        flood = sandbox.run(["/bin/bash", "-c", "printf '%1001s'"])
        assert (flood.flooded, len(flood.data)) == (True, 1000)
        assert sandbox.run(["sleep", "5"]).timed_out


def test_a_command_that_hits_no_limit_reports_none(sandbox: Sandbox) -> None:
    output = sandbox.run(["true"])
    assert (output.data, output.code, output.timed_out, output.flooded) == (b"", 0, False, False)
