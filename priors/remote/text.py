"""Text written by a remote model, read strictly: what cannot be read is asked once more, and then is an error."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from priors.remote.manners import OPENAI, Manners, backend
from priors.remote.transport import Answer, Completer, Request, Transport
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError
from slinvit.registry import Spec

T = TypeVar("T")

Way: TypeAlias = Literal["chat", "completions"]

AGAIN = "That cannot be read: {problem}. Answer again, in exactly the form asked for."

TEXT_OPTIONS = ("endpoint", "temperature", "answer_tokens")


@dataclass(frozen=True)
class Question(Generic[T]):
    """What is asked in words.

    Attributes:
        prompt: instructions and question.
        read: makes sense of the answer; raises ``ValueError`` saying what is wrong with it.
        lead: how the answer begins; a completion model continues it, a chat model is told by the prompt.
        stop: what ends the answer of a completion model.
    """

    prompt: str
    read: Callable[[str], T]
    lead: str = ""
    stop: str = "\n\n"


@dataclass(frozen=True)
class TextModel:
    """A model that writes.

    Attributes:
        model: name at the server.
        transport: to the server.
        endpoint: ``chat``, or ``completions`` for models without chat.
        temperature: ``None``: not sent, for models that refuse it, as reasoning models do.
        answer_tokens: most per answer, thinking included.
        limit_name: what the server calls that.
    """

    model: str
    transport: Completer
    endpoint: Way = "chat"
    temperature: float | None = 0.0
    answer_tokens: int = 1024
    limit_name: str = "max_tokens"

    def ask(self, questions: Sequence[Question[T]], *, budget: Budget) -> list[T]:
        """Return what each question makes of its answer; a model whose answer cannot be read is told, and asked again.

        Spends one ``llm_calls`` per question asked, and per question asked again, before asking.

        Raises:
            PriorError: an answer that could not be read twice, or no answer.
            BudgetExceeded: nothing was asked (again).
        """
        texts = self._written([self._request(question) for question in questions], budget)
        found, failed = _read_all(questions, texts)
        if failed:
            repeated = [self._request(questions[i], texts[i], problem) for i, problem in failed.items()]
            second = self._written(repeated, budget)
            again, still = _read_all([questions[i] for i in failed], second)
            if still:
                place, problem = next(iter(still.items()))
                raise PriorError(f"model {self.model!r} answered {second[place][-80:]!r}, asked twice: {problem}")
            found |= {i: again[place] for place, i in enumerate(failed)}
        return [found[i] for i in range(len(questions))]

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the answers."""
        url = getattr(self.transport, "base_url", None)
        return {"model": self.model, "url": url, "endpoint": self.endpoint, "temperature": self.temperature}

    def _written(self, requests: Sequence[Request], budget: Budget) -> list[str]:
        budget.spend(llm_calls=len(requests))
        answers = self.transport.complete(requests, budget=budget)
        return [self._text(answer) for answer in answers]

    def _request(self, question: Question[Any], wrong: str | None = None, problem: str = "") -> Request:
        body: dict[str, Any] = {"model": self.model, self.limit_name: self.answer_tokens}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        again = AGAIN.format(problem=problem)
        if self.endpoint == "completions":
            repeated = "" if wrong is None else f"{question.lead}{wrong}\n\n{again}\n\n"
            body |= {"prompt": f"{question.prompt}\n\n{repeated}{question.lead}", "stop": question.stop}
        else:
            turns = [{"role": "user", "content": question.prompt}]
            if wrong is not None:
                turns += [{"role": "assistant", "content": wrong}, {"role": "user", "content": again}]
            body["messages"] = turns
        return Request.of(self.endpoint, body)

    def _text(self, answer: Answer) -> str:
        (choice,) = answer.json()["choices"]
        if self.endpoint == "completions":
            return str(choice["text"])
        written = str(choice["message"].get("content") or "")
        text = written.rpartition("</think>")[2].strip()
        if not text:
            raise PriorError(
                f"model {self.model!r} wrote nothing within {self.answer_tokens} tokens "
                f"(finish_reason {choice.get('finish_reason')!r}); a model that thinks needs more answer_tokens"
            )
        return text


def text_model(spec: Spec) -> tuple[TextModel, dict[str, str]]:
    """Return the model ``NAME:MODEL[@BASE_URL]`` with the options of :data:`TEXT_OPTIONS`, and the other options.

    Raises:
        InputError: no model, or an option that cannot be.
    """
    model, url = backend(spec.argument)
    manners, rest = Manners.split(spec)
    endpoint = rest.pop("endpoint", "chat")
    if endpoint not in ("chat", "completions"):
        raise InputError(f"endpoint={endpoint}: must be chat or completions")
    longest = rest.pop("answer_tokens", "1024")
    if not longest.isdecimal() or longest == "0":
        raise InputError(f"answer_tokens={longest}: must be a whole number of 1 or more")
    way: Way = "chat" if endpoint == "chat" else "completions"
    temperature = _temperature(rest.pop("temperature", "0"))
    # OpenAI's chat refuses the old name for its reasoning models; other servers may not know the new one.
    name = "max_completion_tokens" if url == OPENAI and way == "chat" else "max_tokens"
    return TextModel(model, Transport(url, manners), way, temperature, int(longest), name), rest


def _temperature(text: str) -> float | None:
    if text == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise InputError(f"temperature={text}: must be between 0 and 2, or none for models that refuse it")
    return value


def _read_all(questions: Sequence[Question[T]], texts: Sequence[str]) -> tuple[dict[int, T], dict[int, str]]:
    found: dict[int, T] = {}
    failed: dict[int, str] = {}
    for i, (question, text) in enumerate(zip(questions, texts, strict=True)):
        whole = text if text.lstrip().startswith(question.lead) else question.lead + text
        try:
            found[i] = question.read(whole)
        except ValueError as error:
            failed[i] = str(error)
    return found, failed
