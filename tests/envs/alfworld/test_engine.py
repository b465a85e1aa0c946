import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envs.alfworld.engine import EngineDied, EngineLimits, EnginePool, EngineProcess
from envs.alfworld.game import Game
from envs.alfworld.generate import generate
from slinvit.errors import EnvironmentFailure, InputError

pytestmark = pytest.mark.usefixtures("installed")

GAME = generate(4, "look_at_obj_in_light", "livingroom")
OTHER = generate(5, "look_at_obj_in_light", "livingroom")


@pytest.fixture(scope="module")
def shared() -> Iterator[EngineProcess]:
    engine = EngineProcess()
    yield engine
    engine.close()


@pytest.fixture
def engine(shared: EngineProcess) -> EngineProcess:
    shared.limits = EngineLimits()
    return shared


def pid(engine: EngineProcess) -> int:
    assert engine.pid is not None
    return engine.pid


def test_a_game_is_played_to_its_end_by_its_walkthrough(engine: EngineProcess) -> None:
    text, commands = engine.load(GAME)
    assert text.startswith("-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room.")
    assert text.endswith(f"\n\nYour task is to: {GAME.goal}")
    assert list(commands) == sorted(commands)
    told = [engine.step(command) for command in GAME.walkthrough]
    assert [won for _, _, won in told] == [False] * (len(told) - 1) + [True]


def test_a_command_that_is_not_admissible_changes_nothing(engine: EngineProcess) -> None:
    _, commands = engine.load(GAME)
    assert engine.step("go to the moon") == ("Nothing happens.", commands, False)


def test_the_same_game_is_started_again_in_the_same_process(engine: EngineProcess) -> None:
    first, before = engine.load(GAME), pid(engine)
    engine.step(GAME.walkthrough[0])
    assert engine.load(GAME) == first
    assert pid(engine) == before


def test_nothing_of_the_engine_reaches_the_process_that_uses_it(
    engine: EngineProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, output = list(sys.argv), sys.stdout
    engine.load(GAME)
    engine.step("look")
    assert sys.argv == arguments
    assert sys.stdout is output
    assert capfd.readouterr() == ("", "")
    assert not {"textworld", "alfworld", "tatsu", "fast_downward"} & set(sys.modules)


def test_a_killed_process_is_replaced_and_the_story_goes_on(engine: EngineProcess) -> None:
    engine.load(GAME)
    *before, last = GAME.walkthrough
    for command in before:
        engine.step(command)
    killed = pid(engine)
    os.kill(killed, signal.SIGKILL)
    assert engine.step(last)[2] is True
    assert pid(engine) != killed


def test_a_process_killed_between_games_is_replaced(engine: EngineProcess) -> None:
    first = engine.load(GAME)
    os.kill(pid(engine), signal.SIGKILL)
    assert engine.load(GAME) == first


def test_another_story_after_a_crash_is_an_error_that_names_the_step(engine: EngineProcess) -> None:
    engine.load(GAME)
    engine.step(GAME.walkthrough[0])
    engine._past[1] = (GAME.walkthrough[0], ("You wake up.", (), False))
    os.kill(pid(engine), signal.SIGKILL)
    with pytest.raises(EnvironmentFailure, match=r"another story at step 1, 'go to .*instead of 'You wake up\.'"):
        engine.step("look")


def test_a_step_over_the_time_limit_ends_the_process_and_names_game_and_command(engine: EngineProcess) -> None:
    engine.load(GAME)
    os.kill(pid(engine), signal.SIGSTOP)
    engine.limits = EngineLimits(step=0.2)
    with pytest.raises(EnvironmentFailure, match=rf"{GAME.id}: the engine did not answer 'look' within 0.2 s"):
        engine.step("look")
    assert engine.pid is None


def test_a_load_over_the_time_limit_is_an_error(engine: EngineProcess) -> None:
    engine.limits = EngineLimits(load=0.001)
    with pytest.raises(EnvironmentFailure, match=r"did not load within 0\.001 s"):
        engine.load(OTHER)


def test_a_step_after_a_time_limit_goes_on_where_the_game_was(engine: EngineProcess) -> None:
    engine.load(GAME)
    arrived = engine.step(GAME.walkthrough[0])
    os.kill(pid(engine), signal.SIGSTOP)
    engine.limits = EngineLimits(step=0.2)
    with pytest.raises(EnvironmentFailure):
        engine.step("look")
    engine.limits = EngineLimits()
    assert engine.step("help")[1] == arrived[1]


@pytest.mark.parametrize("problem", ["nonsense (", GAME.problem.replace("(:init", "(:init (unheard of)")])
def test_a_game_that_the_engine_cannot_load_is_named_and_the_next_one_runs(engine: EngineProcess, problem: str) -> None:
    with pytest.raises(InputError, match=f"game {GAME.id}: the engine cannot load: "):
        engine.load(replace(GAME, problem=problem))
    with pytest.raises(EnvironmentFailure, match="load one before stepping"):
        engine.step("look")
    assert engine.load(GAME)[1]


def test_a_process_is_replaced_after_as_many_games_as_allowed(engine: EngineProcess) -> None:
    engine.close()
    engine.limits = EngineLimits(games=2)
    processes = []
    for game in (GAME, GAME, OTHER, GAME):
        engine.load(game)
        processes.append(pid(engine))
    assert processes[0] == processes[1] == processes[2] != processes[3]


def test_a_closed_engine_leaves_no_process_and_can_be_closed_again() -> None:
    engine = EngineProcess()
    engine.load(GAME)
    ended = pid(engine)
    engine.close()
    engine.close()
    assert not exists(ended)
    with pytest.raises(EnvironmentFailure, match="no game"):
        engine.step("look")


def test_a_forgotten_engine_leaves_no_process() -> None:
    engine = EngineProcess()
    engine.load(GAME)
    forgotten = pid(engine)
    del engine
    gc.collect()
    assert not exists(forgotten)


def test_a_killed_user_of_the_engine_leaves_no_process() -> None:
    program = (
        "import time; from envs.alfworld.engine import EngineProcess; from envs.alfworld.generate import generate;"
        "e = EngineProcess(); e.load(generate(4, 'look_at_obj_in_light')); print(e.pid, flush=True); time.sleep(60)"
    )
    user = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    orphan = int(user.stdout.readline())
    user.kill()
    user.communicate()
    assert wait_until_gone(orphan)


def test_a_pool_lends_the_same_process_again() -> None:
    pool = EnginePool()
    first = pool.engine()
    first.load(GAME)
    used = first._lent().pid
    first.close()
    first.close()
    second, third = pool.engine(), pool.engine()
    assert second._lent().pid == used
    assert third._lent() is not second._lent()
    with pytest.raises(EnvironmentFailure, match="given back"):
        first.step("look")
    second.load(GAME)
    assert second.step("look")[2] is False
    second.close()
    third.close()
    pool.close()
    assert used is not None
    assert not exists(used)


def test_an_engine_that_cannot_even_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "worker.py"
    broken.write_text("import no_such_engine")
    monkeypatch.setattr("envs.alfworld.engine.WORKER", broken)
    with pytest.raises(EngineDied, match=f"game {GAME.id}: .*exit status 1, .*No module named 'no_such_engine'"):
        EngineProcess().load(GAME)


@pytest.mark.parametrize("limits", [{"load": 0}, {"step": -1}, {"games": 0}])
def test_limits_must_allow_something(limits: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        EngineLimits(**limits)


def test_engines_in_threads_do_not_disturb_one_another() -> None:
    from concurrent.futures import ThreadPoolExecutor

    def play(game: Game) -> bool:
        engine = EngineProcess()
        try:
            engine.load(game)
            return [engine.step(command)[2] for command in game.walkthrough][-1]
        finally:
            engine.close()

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(play, (GAME, OTHER, GAME))) == [True] * 3


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(process: int) -> bool:
    import time

    for _ in range(100):
        if not exists(process):
            return True
        time.sleep(0.1)
    return False
