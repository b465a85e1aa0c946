import json
from pathlib import Path

import numpy as np
import pytest

from envs.alfworld.domain import AlfworldDomain
from priors import build, provenance
from slinvit import Budget, InputError, PriorError


def test_the_walkthrough_is_followed_to_the_end_and_left_for_chance(tmp_path: Path) -> None:
    domain = AlfworldDomain()
    (game,) = domain.load("generated:1,type=heat")
    path = tmp_path / "plans.json"
    path.write_text(json.dumps({game.id: game.game.walkthrough}))
    prior = build(f"walkthrough:{path}")
    assert provenance(prior)["oracle"]
    env, rng = domain.environment(game), np.random.default_rng(0)
    state = env.reset()
    for command in game.game.walkthrough:
        (found,) = prior.propose([state], budget=Budget(), rng=rng)
        assert found.log_prob(command) == 0
        state = env.step(command).state
    assert state.solved
    env.reset()
    (found,) = prior.propose([env.step("look").state], budget=Budget(), rng=rng)
    assert found.probs == pytest.approx(np.full(len(found.actions), 1 / len(found.actions)))


def test_a_task_without_a_solution_and_a_file_without_solutions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plans.json"
    path.write_text("{}")
    domain = AlfworldDomain()
    (game,) = domain.load("generated:1")
    with pytest.raises(PriorError, match="no walkthrough among the 0 given"):
        build(f"walkthrough:{path}").propose(
            [domain.environment(game).reset()], budget=Budget(), rng=np.random.default_rng(0)
        )
    with pytest.raises(InputError, match="needs a file"):
        build("walkthrough")
    path.write_text('{"a": "go"}')
    with pytest.raises(InputError, match=r"expected \{task id: "):
        build(f"walkthrough:{path}")
    with pytest.raises(InputError, match="cannot read a JSON object there"):
        build(f"walkthrough:{tmp_path / 'nowhere.json'}")
