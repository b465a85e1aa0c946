"""Texts tokenised piece by piece give the tokens of the whole text, or stay whole."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from priors.tokentree.encoding import Encoder

TEXTS = ["go to shelf 1\n", "open drawer 2\n", "Observation: you see  a desk.\n\n", "a  \n b\n", "x:\n\n\nNext\n"] * 20
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def trained(raw: Tokenizer, texts: Iterable[str] = TEXTS) -> PreTrainedTokenizerFast:
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<|im|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>"
    )
    return made


def gpt2() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return trained(raw)


def qwen() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return trained(raw)


def with_ends() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = trained(raw)
    ends = [(token, made.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return made


def sentences() -> PreTrainedTokenizerFast:
    """Merges across newlines: no text can be cut."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return trained(raw, ["a.\ngo to shelf 1\ngo to shelf 2\n"] * 50)


def metaspace() -> PreTrainedTokenizerFast:
    """Puts a space in front of every text it is given: no text can be cut."""
    raw = Tokenizer(models.BPE(byte_fallback=True))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return trained(raw)


MAKERS: dict[Callable[[], PreTrainedTokenizerFast], bool] = {
    gpt2: True,
    qwen: True,
    with_ends: True,
    sentences: False,
    metaspace: False,
}
TOKENIZERS = {make.__name__: make() for make in MAKERS}
TEXT = st.text(st.sampled_from("ago1 .\n\n:\t<é"), max_size=25)


@pytest.mark.parametrize("make", MAKERS)
def test_a_text_is_cut_only_where_no_token_can_span_the_cut(make: Callable[[], PreTrainedTokenizerFast]) -> None:
    assert Encoder(TOKENIZERS[make.__name__], special=True).cuts == MAKERS[make]


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(TOKENIZERS)),
    special=st.booleans(),
    prompt=TEXT,
    candidates=st.lists(TEXT.map(lambda text: text + "\n"), min_size=1, max_size=3),
)
def test_the_tokens_are_those_of_the_whole_text(name: str, special: bool, prompt: str, candidates: list[str]) -> None:
    tokenizer = TOKENIZERS[name]
    (given_,) = Encoder(tokenizer, special=special).encode([prompt], [candidates])
    expected = [
        tokenizer(text, add_special_tokens=special)["input_ids"]
        for text in [prompt, *(prompt + candidate for candidate in candidates)]
    ]
    if special and name == "with_ends":
        expected = [ids[:-1] for ids in expected]
    assert [given_.head + ids for ids in (given_.prompt, *given_.rows)] == expected


def test_a_line_that_was_seen_is_not_tokenised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, asked = gpt2(), []
    encoder = Encoder(tokenizer, special=False)
    backend = type(tokenizer).__call__

    def counted(self: PreTrainedTokenizerFast, text: list[str], **options: bool) -> object:
        asked.extend(text)
        return backend(self, text, **options)

    monkeypatch.setattr(type(tokenizer), "__call__", counted)
    encoder.encode(["Task: mug.\nNext:\n"], [["go\n", "open\n"]])
    encoder.encode(["Task: mug.\nSeen.\nNext:\n"], [["go\n", "wait\n"]])
    assert asked == ["Task: mug.\n", "Next:\n", "go\n", "open\n", "Seen.\n", "wait\n"]
