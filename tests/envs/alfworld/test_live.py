from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import pytest

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.live import TASK, CheckedWorld, EngineWorld
from envs.alfworld.scene import build_scene
from envs.alfworld.task import AlfworldTask
from envs.alfworld.twin import Twin
from envs.alfworld.world import AlfworldWorld
from envs.check import check_environment
from envs.simulator import ReplaySimulator
from slinvit import Budget, EnvironmentFailure, InputError, SnapshotError
from slinvit.errors import MissingExtra

Told = tuple[str, tuple[str, ...], bool]


class Parrot:
    """Answers as the twin does; ``lie`` changes what it says at one step."""

    def __init__(self, lie: Callable[[int, Told], Told] = lambda step, told: told) -> None:
        self.lie = lie
        self.closed = 0

    def load(self, game: object) -> tuple[str, tuple[str, ...]]:
        assert hasattr(game, "goal")
        self._twin, self._steps = Twin(build_scene(game)), 0  # type: ignore[arg-type]
        self._world = self._twin.start()
        text = f"{self._twin.intro()}{TASK}{game.goal}"
        return self.lie(0, (text, self._twin.admissible(self._world), False))[:2]

    def step(self, command: str) -> Told:
        self._steps += 1
        self._world, text, _ = self._twin.step(self._world, command)
        return self.lie(self._steps, (text, self._twin.admissible(self._world), self._twin.won(self._world)))

    def close(self) -> None:
        self.closed += 1


def checked(task: AlfworldTask, engine: Parrot) -> CheckedWorld:
    return CheckedWorld(EngineWorld(task, engine), AlfworldWorld(task))


@pytest.mark.parametrize("number", [80])
def test_checked_and_unchecked_worlds_conform(valid_seen: list[AlfworldTask], number: int) -> None:
    for task in (valid_seen[number], replace(valid_seen[number], wording="put")):
        laws = check_environment(lambda task=task: checked(task, Parrot()), steps=15)  # type: ignore[misc]
        assert {"snapshots", "corruption", "agreement"} <= set(laws)
        laws = check_environment(lambda task=task: EngineWorld(task, Parrot()), steps=15)  # type: ignore[misc]
        assert {"determinism", "agreement"} <= set(laws)
        assert "snapshots" not in laws


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (
            lambda step, told: (told[0] + "!", *told[1:]) if step == 2 else told,
            "step 2: .* in observation",
        ),
        (
            lambda step, told: (told[0], (*told[1], "jump"), told[2]) if step == 1 else told,
            r"step 1: .* in actions after 'inventory': \[\] in the twin, \['jump'\] in the engine",
        ),
        (lambda step, told: (*told[:2], True) if step == 2 else told, "step 2: .* in solved after 'look'"),
        (lambda step, told: ("Hello", *told[1:]), "step 0: .* in observation at the start"),
    ],
)
def test_a_difference_between_twin_and_engine_stops_the_episode_and_is_named(
    valid_seen: list[AlfworldTask], lie: Callable[[int, Told], Told], message: str
) -> None:
    env = checked(valid_seen[7], Parrot(lie))
    with pytest.raises(EnvironmentFailure, match=f"task '{valid_seen[7].id}', {message}"):
        _play(env, ("inventory", "look"))


def _play(env: CheckedWorld, commands: tuple[str, ...]) -> None:
    for command in commands:
        env.step(command)


def test_a_state_that_the_engine_does_not_repeat_is_not_restored(valid_seen: list[AlfworldTask]) -> None:
    task = valid_seen[7]
    state = AlfworldWorld(task).step("inventory").state
    env = checked(task, Parrot(lambda step, told: ("You are tired.", *told[1:]) if step else told))
    with pytest.raises(SnapshotError, match="the engine did not repeat the history"):
        env.restore(state)


def test_closing_the_world_closes_the_engine(valid_seen: list[AlfworldTask]) -> None:
    engine = Parrot()
    checked(valid_seen[0], engine).close()
    assert engine.closed == 1


def test_names_of_engines_and_versions_are_told() -> None:
    provenance = AlfworldDomain().provenance()
    assert provenance["engine"] == "twin"
    assert len(provenance["rules"]) == 16
    assert provenance.keys() >= {"slinvit", "alfworld", "textworld", "fast-downward-textworld"}
    with pytest.raises(InputError, match="unknown engine 'texworld'; did you mean 'textworld'"):
        AlfworldDomain(engine="texworld")
    with pytest.raises(InputError, match="unknown grammar 'puts'"):
        AlfworldDomain(grammar="puts")


@pytest.mark.skipif(find_spec("alfworld") is not None, reason="the real engine is installed")
def test_without_the_package_the_message_says_how_to_install_it(valid_seen: list[AlfworldTask]) -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'slinvit\[alfworld\]'"):
        AlfworldDomain(engine="textworld")
    game = replace(valid_seen[0].game, domain=valid_seen[0].game.domain + " ")
    with pytest.raises(MissingExtra, match=r"pip install 'slinvit\[alfworld\]'"):
        AlfworldDomain().environment(AlfworldTask(game))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("number", [15, 95])
def test_the_real_engine_agrees_with_the_twin(valid_seen: list[AlfworldTask], number: int) -> None:
    task = valid_seen[number]
    domain = AlfworldDomain(engine="textworld")
    env = domain.environment(task)
    assert isinstance(env, CheckedWorld)
    try:
        env.reset()
        for command in ("look", "help", "open nothing", "inventory", *task.game.walkthrough):
            state = env.step(command).state
        assert state.solved
    finally:
        env.close()
        domain.close()


@pytest.mark.usefixtures("installed")
def test_a_game_that_the_twin_does_not_know_runs_on_the_real_engine(
    valid_seen: list[AlfworldTask], caplog: pytest.LogCaptureFixture
) -> None:
    game = valid_seen[0].game
    old = replace(
        game,
        grammar=game.grammar.replace("move {o} to {r}", "put {o} in/on {r}").replace(
            "You move the {o.name} to the {r.name}.", "You put the {o.name} in/on the {r.name}."
        ),
    )
    task, domain = AlfworldTask(old), AlfworldDomain()
    env, simulator = domain.environment(task), domain.simulator(task)
    assert isinstance(simulator, ReplaySimulator)
    assert "the twin does not know that; it runs on the real engine" in caplog.text
    state = env.reset()
    assert state == replace(AlfworldWorld(valid_seen[0]).reset(), snapshot=None, visited=())
    for command in game.walkthrough:
        state = env.step(command).state
    assert state.solved
    begin = env.reset()
    found = simulator.step([begin, begin], game.walkthrough[:1] * 2, budget=Budget())
    assert found[0] == found[1] == env.step(game.walkthrough[0])
    simulator.close()
    env.close()
    domain.close()
