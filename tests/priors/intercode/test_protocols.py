import json
import string
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import planners
import priors
import value_estimators
from agent import Agent
from envs.intercode.sql.domain import SqlDomain
from planners import Parts
from priors.generation import generate
from priors.intercode.actions import Language
from priors.intercode.protocols import PROTOCOLS, TERMINATOR, after_thought, direct
from priors.local import LocalPrior
from priors.remote.prior import RemotePrior
from priors.reply import Reply, read_actions
from priors.templates import template
from slinvit import Budget, InputError, PriorError, State, Task
from slinvit.types import ActionDistribution

START = "Database: shelf"


def state(language: str = "sql", *steps: tuple[str, str]) -> State:
    task = Task("t", f"intercode-{language}", "How many books are there?", 10, metadata={"start": START})
    return State(task, steps[-1][1] if steps else START, history=steps)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (" SELECT 1", "sql", "SELECT 1"),
        (
            "```sql\nSELECT name\nFROM book\nWHERE isbn = 'A;b';\n```",
            "sql",
            "SELECT name\nFROM book\nWHERE isbn = 'A;b'",
        ),
        ("Sure! Here it is:\n```sql\nSELECT 1;\n```\nThis counts.", "sql", "SELECT 1"),
        ("**Action:** SELECT 1", "sql", "SELECT 1"),
        ("WITH t AS (SELECT 1 AS a) SELECT a FROM t", "sql", "WITH t AS (SELECT 1 AS a) SELECT a FROM t"),
        ("submit", "sql", "submit"),
        ("I cannot answer that without more information.", "sql", None),
        ("```bash\nfind /Depot -name '*.TXT'\n```", "bash", "find /Depot -name '*.TXT'"),
        (" ls -la /Depot\nObservation: a.txt\nAction: submit", "bash", "ls -la /Depot"),
    ],
)
def test_a_direct_reply_is_the_command_in_it(text: str, language: Language, expected: str | None) -> None:
    assert direct(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (" I need the tables.\nAction: execute[SHOW TABLES]", "sql", "SHOW TABLES"),
        ("Thought: count them\nAction 2: execute[SELECT COUNT(*)\nFROM book]", "sql", "SELECT COUNT(*)\nFROM book"),
        (" They are right.\nAction: submit", "sql", "submit"),
        ("**Thought:** count them\n**Action:** execute[SELECT 1]", "sql", "SELECT 1"),
        (" 1. Count. 2. Submit.\nAction: SELECT COUNT(*) FROM book", "sql", "SELECT COUNT(*) FROM book"),
        (" I could SELECT name FROM book, but first I think.", "sql", None),
        (" find the files first", "bash", None),
        ("1. find /depot\n2. count\nAction: find /depot | wc -l", "bash", "find /depot | wc -l"),
        (" look\nAction: execute[ls /a]\nObservation: x\nThought: next\nAction: execute[ls /b]", "bash", "ls /a"),
    ],
)
def test_a_reply_with_a_thought_is_what_it_marks_as_its_action(
    text: str, language: Language, expected: str | None
) -> None:
    assert after_thought(text, language) == expected


COMMANDS = st.sampled_from(["SELECT 1", "SELECT  1;", "select 1", "SHOW TABLES", "I do not know.", "no idea"])


@given(st.lists(COMMANDS, min_size=1, unique=True), st.data())
def test_spellings_of_a_command_add_up_and_replies_without_one_are_unmatched(texts: list[str], data: Any) -> None:
    reply = template("intercode-sql").reply
    assert reply is not None
    count = len(texts)
    nats = np.array(data.draw(st.lists(st.floats(-20, 0), min_size=count, max_size=count)))
    counts = np.array(data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count)))
    without = [i for i, text in enumerate(texts) if "SELECT" not in text.upper() and "SHOW" not in text]
    if len(without) == count:
        with pytest.raises(PriorError, match="holds a command; the model wrote"):
            read_actions(reply, texts, nats, counts)
        return
    found = read_actions(reply, texts, nats, counts)
    with_one = [i for i in range(count) if i not in without]
    np.testing.assert_allclose(np.logaddexp.reduce(found.log_weights), np.logaddexp.reduce(nats[with_one]))
    assert found.unmatched == pytest.approx(counts[without].sum() / counts.sum())
    assert len({reply.key(action) for action in found.actions}) == len(found.actions)
    (best,) = read_actions(reply, texts, nats, counts, k=1).actions
    assert best == found.actions[int(np.argmax(found.log_weights))]


# A local model: random weights, made to write letters and to end its replies.


@pytest.fixture
def writer(model_folder: Callable[[str], Path]) -> Callable[..., LocalPrior]:
    """Return a function that makes a local prior whose model writes these letters and ends what it writes."""

    def make(options: str, letters: str = string.ascii_letters + " \n") -> LocalPrior:
        prior = priors.build(f"hf:{model_folder('llama')},{options}")
        assert isinstance(prior, LocalPrior)
        model, tokenizer = prior.scorer.model, prior.scorer.tokenizer
        words = [str(tokenizer.decode([i])) for i in range(len(model.lm_head.weight))]
        written = [len(word) == 1 and word in letters for word in words]
        bias = torch.where(torch.tensor(written), 0.0, -30.0)
        bias[tokenizer.eos_token_id] = 2.0
        head = torch.nn.Linear(32, len(words))
        head.weight, head.bias = model.lm_head.weight, torch.nn.Parameter(bias)
        model.lm_head = head
        return replace(prior, scorer=prior.scorer.fresh())

    return make


def readable(prior: LocalPrior, **changes: Any) -> LocalPrior:
    """Replace the reader by one that understands what a random model writes: letters, whatever their case."""
    reply = Reply(lambda text: "".join(text.split()).lower() or None, terminator=TERMINATOR, **changes)
    return replace(prior, template=replace(prior.template, reply=reply))


def propose(prior: Any, where: State, k: int | None = 4, seed: int = 0) -> ActionDistribution:
    (found,) = prior.propose([where], k=k, budget=Budget(), rng=np.random.default_rng(seed))
    assert isinstance(found, ActionDistribution)
    return found


def test_a_local_model_is_asked_in_the_form_of_the_protocol(writer: Callable[..., LocalPrior]) -> None:
    for protocol in PROTOCOLS[-1:]:
        prior = writer(f"template={protocol.name}")
        assert prior.scorer.terminator == TERMINATOR
        assert prior.sampling.max_new_tokens == protocol.reply.longest
    changed = writer("template=intercode-sql,terminator=;,max_new_tokens=7")
    assert (changed.scorer.terminator, changed.sampling.max_new_tokens) == (";", 7)


def test_the_log_probabilities_of_merged_spellings_of_a_local_model_add_up(writer: Callable[..., LocalPrior]) -> None:
    prior = readable(writer("template=intercode-sql,max_new_tokens=6,max_draws=2000,draw_temperature=2", "abAB \n"))
    assert prior.template.reply is not None
    found = propose(prior, state(), k=6)
    drawn = generate(
        prior.scorer.fresh(),
        [prior.template.prompt(state())],
        6,
        sampling=prior.sampling,
        key=prior.template.reply.key,
        budget=Budget(),
        rng=np.random.default_rng(0),
    )[0]
    assert len(found.actions) == 6 < len(drawn.texts)
    sums = [
        np.logaddexp.reduce(
            [nats for text, nats in zip(drawn.texts, drawn.log_probs, strict=True) if same(text, action)]
        )
        for action in found.actions
    ]
    np.testing.assert_allclose(found.log_probs, np.array(sums) - np.logaddexp.reduce(sums), atol=1e-5)
    assert (found.method, found.unmatched) == ("sampled", 0.0)


def same(text: str, action: str) -> bool:
    return "".join(text.split()).lower() == action


def test_behind_thoughts_actions_are_weighed_by_how_often_they_were_drawn(writer: Callable[..., LocalPrior]) -> None:
    prior = readable(
        writer("template=intercode-sql-react,max_new_tokens=4,max_draws=2000,draw_temperature=2", "abc"), thoughts=True
    )
    found = propose(prior, state(), k=5)
    shares = np.exp(found.log_probs)
    counts = shares / shares.min()
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)  # whole numbers, the least drawn once


def test_a_local_model_that_writes_no_command_is_an_error_that_shows_what_it_wrote(
    writer: Callable[..., LocalPrior],
) -> None:
    prior = writer("template=intercode-sql,max_new_tokens=8")
    with pytest.raises(PriorError, match=r"none of \d+ different replies holds a command; the model wrote '"):
        propose(prior, state())


def test_counting_what_was_drawn_leaves_nothing_to_normalise(model_folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="normalise=token: template=intercode-sql-react counts what was drawn"):
        priors.build(f"hf:{model_folder('llama')},template=intercode-sql-react,normalise=token")
    assert priors.build(f"hf:{model_folder('llama')},template=intercode-sql,normalise=token")


def test_a_chat_model_ends_its_reply_itself(model_folder: Callable[[str], Path]) -> None:
    prior = priors.build(f"hf:{model_folder('chat')},template=intercode-sql")
    assert isinstance(prior, LocalPrior)
    assert prior.scorer.terminator == "<|im_end|>"


# A remote model: a real server that gives written replies, one after the other.


class Scribe:
    """An OpenAI-compatible server that answers with given texts in turn, and remembers what it was asked."""

    def __init__(self, replies: Sequence[str], chat: bool) -> None:
        self.asked: list[dict[str, Any]] = []
        scribe, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    reply = replies[len(scribe.asked) % len(replies)]
                    scribe.asked.append(body)
                found = self.path.endswith("/chat/completions") if chat else self.path.endswith("/v1/completions")
                choice = {"message": {"role": "assistant", "content": reply}} if chat else {"text": reply}
                usage = {"prompt_tokens": 5, "completion_tokens": 2}
                data = json.dumps({"choices": [{"index": 0, **choice}], "usage": usage} if found else {}).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def scribe() -> Iterator[Callable[..., Scribe]]:
    made: list[Scribe] = []

    def make(*replies: str, chat: bool = True) -> Scribe:
        made.append(Scribe(replies, chat))
        return made[-1]

    yield make
    for each in made:
        each.close()


def remote(server: Scribe, options: str) -> RemotePrior:
    prior = priors.build(f"openai:scribe@{server.url},pause=0.01,attempts=1,{options}")
    assert isinstance(prior, RemotePrior)
    server.asked.clear()
    return prior


def test_a_remote_chat_model_is_asked_for_whole_replies_and_spellings_count_as_one(
    scribe: Callable[..., Scribe],
) -> None:
    fenced = "Here:\n```sql\nSELECT COUNT(*)\nFROM book;\n```"
    server = scribe(fenced, "SELECT COUNT(*) FROM book", "SHOW TABLES", "I am not sure what you mean.")
    prior = remote(server, "template=intercode-sql,samples=8")
    found = propose(prior, state(), k=None)
    assert (prior.strategy.name, found.method) == ("sampled", "sampled")
    assert {" ".join(action.split()): round(p, 6) for action, p in zip(found.actions, found.probs, strict=True)} == {
        "SELECT COUNT(*) FROM book": round(2 / 3, 6),
        "SHOW TABLES": round(1 / 3, 6),
    }
    assert found.unmatched == pytest.approx(0.25)
    assert len(server.asked) == 8
    (message,) = server.asked[0]["messages"]
    assert message["content"] == prior.template.prompt(state())
    assert "stop" not in server.asked[0]
    (first,) = propose(prior, state(), k=1, seed=1).actions  # requests run at once: either spelling may come first
    assert " ".join(first.split()) == "SELECT COUNT(*) FROM book"


def test_a_remote_completion_model_stops_where_the_observation_would_begin(scribe: Callable[..., Scribe]) -> None:
    server = scribe(" I count.\nAction: execute[SELECT COUNT(*)\nFROM book]", chat=False)
    prior = remote(server, "template=intercode-sql-react,endpoint=completions,samples=2")
    assert propose(prior, state()).actions == ("SELECT COUNT(*)\nFROM book",)
    assert {body["stop"] for body in server.asked} == {TERMINATOR}
    assert {body["max_tokens"] for body in server.asked} == {256}


def test_a_remote_model_that_writes_no_command_is_an_error_that_shows_what_it_wrote(
    scribe: Callable[..., Scribe],
) -> None:
    prior = remote(scribe("I would rather talk about the weather."), "template=intercode-sql,samples=2")
    with pytest.raises(PriorError, match="holds a command; the model wrote 'I would rather talk"):
        propose(prior, state())


@pytest.mark.parametrize("template_", ["intercode-sql-react", "intercode-sql-plan", "intercode-sql"])
def test_an_episode_with_a_remote_model_executes_what_it_marks_and_shows_it_what_came_back(
    template_: str, scribe: Callable[..., Scribe]
) -> None:
    statement = "SELECT COUNT(*)\nFROM book"
    mark = {"intercode-sql": "```sql\n{}\n```"}.get(template_, " I go on.\nAction: execute[{}]")
    server = scribe(mark.format("SHOW TABLES"), mark.format(statement + ";"), mark.format("submit"))
    prior = remote(server, f"template={template_},samples=1,sampling_temperature=0")
    domain = SqlDomain()
    try:
        (task,) = domain.load("embedded,number=1", horizon="10")
        assert "how many books" in task.query.lower()
        simulator = domain.simulator(task)
        parts = Parts(prior, simulator, value_estimators.build("zero", prior=prior, simulator=simulator))
        planner = planners.build("greedy:mask=false", {}, parts)
        episode = Agent(planner).run(domain.environment(task), seed=0, budget=Budget())
    finally:
        domain.close()
    assert [step.action for step in episode.steps] == ["SHOW TABLES", statement, "submit"]
    assert episode.steps[-1].reward == 1
    assert episode.ledger.llm_calls == 3
    prompt = server.asked[-1]["messages"][0]["content"]
    assert f"Action: {statement}\nObservation: {episode.steps[1].observation}\n" in prompt
