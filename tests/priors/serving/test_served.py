"""Which priors can be served."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

import priors
from priors.serving.limits import Limits
from priors.serving.served import served
from priors.serving.server import certificate, listen, running
from slinvit.errors import InputError


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("uniform", "this prior is Uniform"),
        ("bundled:temperature=2", "this prior is Tempered"),
        ("bundled:normalise=token", "normalise=token belongs to the prior of whoever asks"),
    ],
)
def test_only_the_plain_sums_of_local_models_are_offered(spec: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        served(priors.build(spec))


def test_the_card_of_a_model_identifies_it() -> None:
    offered = served(priors.build("bundled"), "mine")
    assert (offered.name, offered.origin["model"], len(offered.origin["sha256"])) == ("mine", "mine", 64)
    assert offered.ends == {1}
    assert not offered.has_chat


def test_with_a_certificate_it_speaks_https(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-nodes", "-keyout", str(key), "-out", str(chain)]
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", *files, *subject], check=True, capture_output=True)
    with running(priors.build("bundled"), certificate=certificate(chain, key)) as url:
        assert url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=chain)
        assert httpx.get(f"{url}/models", verify=trusted, trust_env=False).json()["data"][0]["id"] == "bundled"


def test_an_address_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(InputError, match="another --port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_bounds_and_certificates_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="waiting=0: must be 1 or more"):
        Limits(waiting=0)
    assert certificate(None, None) is None
    with pytest.raises(InputError, match="go together"):
        certificate(tmp_path, None)
    (tmp_path / "x").write_text("no certificate")
    with pytest.raises(InputError, match="for https"):
        certificate(tmp_path / "x", tmp_path / "x")
