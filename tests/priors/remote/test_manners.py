import math
from pathlib import Path

import pytest

from priors.remote.manners import OPENAI, Manners, backend, is_loopback, key_name
from slinvit.errors import InputError
from slinvit.registry import Spec, parse_spec


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("gpt-4o", ("gpt-4o", OPENAI)),
        ("m@http://localhost:8000/v1/", ("m", "http://localhost:8000/v1")),
        ("@cf/meta/llama@https://host/v1", ("@cf/meta/llama", "https://host/v1")),
    ],
)
def test_a_backend_is_a_model_and_a_base_url(argument: str, expected: tuple[str, str]) -> None:
    assert backend(argument) == expected


@pytest.mark.parametrize("argument", ["", "@http://host/v1", "m@http://", "m@http://host:x/v1", "m@https:///v1"])
def test_what_is_no_backend_is_refused(argument: str) -> None:
    with pytest.raises(InputError, match="expected MODEL or MODEL@BASE_URL"):
        backend(argument)


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "https://host/v1?key=secret", "https://secret@host/v1"])
def test_a_url_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match="keys come from environment variables") as caught:
        backend(f"m@{url}")
    assert "secret" not in str(caught.value)


def test_the_options_of_a_spec_come_before_those_of_its_run() -> None:
    spec = parse_spec("openai:m,rpm=60,concurrency=3,strategy=echo,key_env=MY_KEY,record=mine")
    run = {"max_usd": "2.5", "rpm": "5", "replay": "theirs", "run": "r"}
    manners, rest = Manners.split(Spec(spec.name, spec.argument, spec.options, run))
    assert rest == {"strategy": "echo"}
    assert manners == Manners(
        rpm=60.0, concurrency=3, key_env="MY_KEY", record=Path("mine"), max_usd=2.5, max_tokens=math.inf, run="r"
    )


@pytest.mark.parametrize(
    "options",
    ["rpm=fast", "rpm=nan", "rpm=0", "concurrency=1.5", "attempts=0", "timeout=-1", "max_usd=-1", "record=a,replay=b"],
)
def test_impossible_manners_are_refused(options: str) -> None:
    with pytest.raises(InputError):
        Manners.split(parse_spec(f"openai:m,{options}"))


def test_openai_s_key_is_for_openai() -> None:
    assert key_name(Manners(), OPENAI) == "OPENAI_API_KEY"
    assert key_name(Manners(), "https://host/v1") == "SLINVIT_API_KEY"
    assert key_name(Manners(key_env="MINE"), "https://host/v1") == "MINE"


def test_this_machine_is_known_by_its_names() -> None:
    assert all(map(is_loopback, ["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]:80/v1"]))
    assert not any(map(is_loopback, ["https://api.openai.com/v1", "http://10.0.0.1/v1", "http://localhost.org/v1"]))
