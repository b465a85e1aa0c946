"""Whole runs over real HTTP: faults, kill -9, hard limits, record and replay. The toy model is the critic."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priors.remote.store import Store

Start = Callable[..., "subprocess.Popen[str]"]

MOST = 25

SERVER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("toy", sys.argv[1])
toy = importlib.util.module_from_spec(spec)
sys.modules["toy"] = toy
spec.loader.exec_module(toy)
toy.ThreadingHTTPServer.allow_reuse_address = True
served = toy.serve(toy.Handler, port=int(sys.argv[2]))
served.delay = 0.01
print(served.port, flush=True)
time.sleep(600)
"""


def command(url: str, out: Path, *more: object, tasks: str = "random:4", options: str = "") -> tuple[object, ...]:
    critic = f"critic:toy@{url},pause=0.01{options}"
    parts = ("--prior", "uniform", "--value", critic, "--breadth", 2, "--depth", 2, "--execute", "first")
    return "run", "blocksworld", "--tasks", tasks, *parts, "--horizon", 6, "--out", out, *more


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def records(folder: Path) -> dict[str, Any]:
    """Return the recorded episodes by task, without times."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(inner) for key, inner in value.items() if key != "seconds"}
        return [timeless(inner) for inner in value] if isinstance(value, list) else value

    found = [json.loads(line) for line in (folder / "episodes.jsonl").read_text(encoding="utf-8").splitlines()]
    return {record["task"]: timeless(record) for record in found}


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def finished(folder: Path) -> int:
    file = folder / "episodes.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def answered(folder: Path) -> set[str]:
    """Return the keys of all requests whose answers are kept."""
    connection = sqlite3.connect(folder / "answers.sqlite")
    keys = {row[0] for row in connection.execute("SELECT key FROM answers WHERE status = 200")}
    connection.close()
    return keys


@pytest.mark.parametrize(
    ("episodes", "workers"), [(4, 1), pytest.param(200, 2, marks=pytest.mark.slow)], ids=["short", "200-episodes"]
)
def test_a_fifth_of_bad_answers_changes_no_record_and_every_fault_is_named(
    upstream: Any, proxy: Any, start: Start, tmp_path: Path, episodes: int, workers: int
) -> None:
    tasks, proxy.rate = f"random:{episodes}", 0.2
    assert finish(start(*command(upstream.url, tmp_path / "good", tasks=tasks)))[0] == 0
    bad = command(proxy.url, tmp_path / "bad", "--workers", workers, tasks=tasks)
    assert finish(start(*bad)) == (0, "")
    assert records(tmp_path / "good") == records(tmp_path / "bad")
    assert len(records(tmp_path / "bad")) == episodes
    store = Store(tmp_path / "bad" / "answers.sqlite", read_only=True)
    outcomes = store.outcomes()
    store.close()
    wrong = Counter({kind: count for kind, count in proxy.faults.items() if kind not in ("none", "delay")})
    assert outcomes["ok"] == len(answered(tmp_path / "bad"))
    assert outcomes.get("429", 0) == wrong["429"]
    assert outcomes.get("500", 0) == wrong["500"]
    assert outcomes.get("503", 0) == wrong["503"]
    assert sum(outcomes.values()) == sum(proxy.faults.values()) == outcomes["ok"] + sum(wrong.values())


def test_a_recorded_run_replays_identically_with_no_request_at_all(upstream: Any, start: Start, tmp_path: Path) -> None:
    store = tmp_path / "answers"
    assert finish(start(*command(upstream.url, tmp_path / "first", "--record", store)))[0] == 0
    sent, before = len(upstream.asked), store.read_bytes()
    upstream.server.server_close()
    assert finish(start(*command("http://127.0.0.1:9/v1", tmp_path / "second", "--replay", store)))[0] == 0
    assert records(tmp_path / "first") == records(tmp_path / "second")
    assert len(upstream.asked) == sent > 0
    assert store.read_bytes() == before


def test_a_replay_with_one_request_changed_fails_and_names_the_difference(
    upstream: Any, start: Start, tmp_path: Path
) -> None:
    store = tmp_path / "answers"
    assert finish(start(*command(upstream.url, tmp_path / "first", "--record", store)))[0] == 0
    code, err = finish(
        start(*command(upstream.url, tmp_path / "second", "--replay", store, options=",answer_tokens=77"))
    )
    assert code == 2
    assert "the nearest recorded one differs in chat.max_tokens: 1024 recorded, 77 wanted" in err
    connection = sqlite3.connect(store)
    key, body = connection.execute("SELECT key, body FROM answers LIMIT 1").fetchone()
    connection.execute("UPDATE answers SET key = 'x', body = ? WHERE key = ?", (body.replace("block", "brick", 1), key))
    connection.commit()
    connection.close()
    code, err = finish(start(*command(upstream.url, tmp_path / "third", "--replay", store)))
    assert code == 2
    assert "differs in chat.messages[0].content" in err
    assert "brick" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_client_killed_again_and_again_repeats_no_episode_and_pays_for_no_answer_twice(
    upstream: Any, start: Start, tmp_path: Path, workers: int
) -> None:
    upstream.delay = 0.005
    whole = command(upstream.url, tmp_path / "run", "--workers", workers, tasks="random:8")
    for kills in range(1, 4):
        process = start(*whole)
        wait_for(lambda: process.poll() is not None or len(upstream.asked) >= 13 * kills)  # noqa: B023
        assert process.poll() is None
        process.kill()
        process.communicate()
        time.sleep(0.1 if workers == 1 else 1.0)
        kept, paid, asked = (
            (tmp_path / "run" / "episodes.jsonl").read_bytes(),
            answered(tmp_path / "run"),
            len(upstream.asked),
        )
    assert finish(start(*whole))[0] == 0
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert finished(tmp_path / "run") == 8
    later = {headers["idempotency-key"] for headers in upstream.headers[asked:]}
    assert not later & paid
    # What was under way when the client died was never seen by anybody: at most one request per slot and kill.
    assert sum(upstream.keys.values()) - len(answered(tmp_path / "run")) <= 3 * 8 * workers
    assert finish(start(*command(upstream.url, tmp_path / "quiet", tasks="random:8")))[0] == 0
    assert records(tmp_path / "quiet") == records(tmp_path / "run")


def test_a_server_killed_in_the_middle_and_started_again_costs_no_episode(start: Start, tmp_path: Path) -> None:
    def serve(port: int) -> "subprocess.Popen[str]":
        conftest = Path(__file__).with_name("conftest.py")
        arguments = [sys.executable, "-c", SERVER, str(conftest), str(port)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    server = serve(0)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    whole = command(f"http://127.0.0.1:{port}/v1", tmp_path / "run")
    process = start(*whole)
    try:
        for kills in range(1, 3):
            wait_for(lambda: process.poll() is not None or finished(tmp_path / "run") >= kills)  # noqa: B023
            assert kills > 1 or process.poll() is None
            server.kill()
            server.communicate()
            server = serve(port)
        assert finish(process) == (0, "")
    finally:
        server.kill()
        server.communicate()
    assert finished(tmp_path / "run") == 4


def test_a_server_that_stays_away_fails_episodes_that_the_same_command_tries_again(
    upstream: Any, proxy: Any, start: Start, tmp_path: Path
) -> None:
    whole = command(proxy.url, tmp_path / "run", options=",attempts=2")
    proxy.rate, proxy.kinds = 1.0, ("cut",)
    code, err = finish(start(*whole))
    assert code == 1
    assert "4 episodes failed to run, the first with: gave up after 2 attempts" in err
    proxy.rate = 0.0
    assert finish(start(*whole)) == (0, "")
    assert not any("error" in record for record in records(tmp_path / "run").values())


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_hard_limit_ends_a_run_with_what_is_done_and_a_higher_one_goes_on(
    upstream: Any, start: Start, tmp_path: Path, workers: int
) -> None:
    whole = command(upstream.url, tmp_path / "run", "--workers", workers)
    code, err = finish(start(*whole, "--max-requests", MOST))
    assert code == 1
    assert err.startswith(
        f"error: --max-requests {MOST} is reached: {MOST} spent so far, and the next request may take 1"
    )
    assert len(upstream.asked) == MOST
    done = finished(tmp_path / "run")
    assert done < 4
    assert done > 0 or workers > 1
    assert finish(start(*whole, "--max-requests", 10**6)) == (0, "")
    assert finished(tmp_path / "run") == 4
    assert not any("error" in record for record in records(tmp_path / "run").values())


def test_a_key_is_sent_and_appears_nowhere_else(upstream: Any, start: Start, tmp_path: Path) -> None:
    key = "sk-test-0123456789abcdef"
    whole = command(upstream.url, tmp_path / "run", tasks="random:1")
    process = start(*whole, SLINVIT_API_KEY=key, OPENAI_LOG="debug")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert {headers["authorization"] for headers in upstream.headers} == {f"Bearer {key}"}
    refused = [str(each).replace("critic:toy", "critic:other") for each in command(upstream.url, tmp_path / "other")]
    process = start(*refused, SLINVIT_API_KEY=key)
    _, refusal = process.communicate(timeout=120)
    assert "HTTP 404: no model other, Bearer [key]" in refusal
    assert key not in out + err + refusal
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"answers.sqlite", "run.json", "episodes.jsonl"} <= {file.name for file in written}
    assert not any(key.encode() in file.read_bytes() for file in written)


def test_what_openai_may_know_goes_to_nobody_else(upstream: Any, start: Start, tmp_path: Path) -> None:
    whole = command(upstream.url, tmp_path / "run", tasks="random:1")
    names = ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET")
    secrets = {f"OPENAI_{name}": f"secret-{name}" for name in names}
    headers = {"OPENAI_CUSTOM_HEADERS": "Authorization: Bearer secret-header"}
    assert finish(start(*whole, **secrets, **headers, SLINVIT_API_KEY=""))[0] == 0
    assert {headers["authorization"] for headers in upstream.headers} == {"Bearer none"}
    assert not any("secret" in value for headers in upstream.headers for value in headers.values())


def test_ctrl_c_while_a_server_thinks_ends_the_run_at_once(upstream: Any, start: Start, tmp_path: Path) -> None:
    upstream.delay = 30.0
    process = start(*command(upstream.url, tmp_path / "run"))
    wait_for(lambda: process.poll() is not None or bool(upstream.asked))
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    assert (code, err) == (130, "error: interrupted; finished episodes are kept, the same command continues\n")
    assert time.monotonic() - begin < 10
    store = Store(tmp_path / "run" / "answers.sqlite", read_only=True)
    assert set(store.outcomes()) == {"lost"}
    store.close()


def test_the_rows_of_a_comparison_share_answers_and_a_limit(upstream: Any, start: Start, tmp_path: Path) -> None:
    config = tmp_path / "compare.yaml"
    settings = [{"name": name, "prior": "uniform", "value": f"critic:toy@{upstream.url}"} for name in ("one", "two")]
    config.write_text(json.dumps({"tasks": "random:2", "depth": 2, "horizon": 6, "settings": settings}))
    whole = ("compare", config, "--out", tmp_path / "out")
    code, err = finish(start(*whole, "--max-requests", 5))
    assert code == 1
    assert "--max-requests 5 is reached" in err
    assert finish(start(*whole))[0] == 0
    store = Store(tmp_path / "out" / "answers.sqlite", read_only=True)
    assert len(list(store.entries())) == len(upstream.asked) == store.bill("out").requests
    store.close()
    assert records(tmp_path / "out" / "one") == records(tmp_path / "out" / "two")
