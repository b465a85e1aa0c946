"""What a model keeps of the text it has read, found out by looking at the cache that it makes itself."""

import inspect
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

_PACKED_ARGUMENTS = {"attention_mask", "position_ids", "past_key_values", "logits_to_keep"}
_CACHES = ("past_key_values", "cache_params")
_PACKED_ATTENTION = ("sdpa", "eager")


@dataclass(frozen=True, slots=True)
class Memory:
    """How a model remembers.

    Attributes:
        obstacle: why tokens of different texts cannot share a forward; None: they can.
        window: longest text for which that holds, in tokens; None: any.
        stable: longest text in which a token's rotation depends on its position alone, in tokens; None: any.
        layers: of the cache.
        bytes_per_token: of keys and values over all layers; 0 where there is an obstacle.
        argument: name under which the model takes and returns its cache; None: it does not.
    """

    obstacle: str | None
    window: int | None
    stable: int | None
    layers: int
    bytes_per_token: int
    argument: str | None


@torch.inference_mode()
def inspect_memory(model: PreTrainedModel) -> Memory:
    """Return how ``model`` remembers, from one forward over two tokens."""
    accepted = set(inspect.signature(model.forward).parameters)
    output = model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=model.device), use_cache=True)
    argument = next((name for name in _CACHES if isinstance(getattr(output, name, None), DynamicCache)), None)
    stable = _stable(model)
    if argument is None:
        return Memory("it returns no transformers cache", None, stable, 0, 0, None)
    cache = getattr(output, argument)
    layers = list(cache.layers)
    obstacle = _obstacle(model, accepted, cache)
    if obstacle is not None:
        return Memory(obstacle, None, stable, len(layers), 0, argument)
    windows = [layer.sliding_window for layer in layers if isinstance(layer, DynamicSlidingWindowLayer)]
    stored = sum(tensor.nbytes for layer in layers for tensor in (layer.keys, layer.values))
    return Memory(None, min(windows, default=None), stable, len(layers), stored // 2, argument)


def _stable(model: PreTrainedModel) -> int | None:
    """Return the longest text for which the rotary embeddings of ``model`` do not depend on its length.

    Some rescale all positions of a forward when its longest one passes a limit that the configuration names.
    """
    config = model.config.get_text_config()
    found = getattr(config, "rope_parameters", None) or {}
    limits = []
    for rope in [found, *(inner for inner in found.values() if isinstance(inner, dict))]:
        kind, most = rope.get("rope_type", ""), getattr(config, "max_position_embeddings", 1)
        if "dynamic" in kind:
            limits.append(most - 1)  # only a text that is shorter than the limit undoes what a longer one did
        elif kind == "longrope":
            limits.append(rope.get("original_max_position_embeddings", most))
    return min(limits, default=None)


def _obstacle(model: PreTrainedModel, accepted: set[str], cache: DynamicCache) -> str | None:
    if type(cache) is not DynamicCache or len(cache.layers) != model.config.get_text_config().num_hidden_layers:
        return f"its cache is a {type(cache).__name__} with {len(cache.layers)} layers"
    odd = {
        type(layer).__name__ for layer in cache.layers if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer)
    }
    if odd:
        return f"its cache has layers of another kind: {', '.join(sorted(odd))}"
    attention = getattr(model.config, "_attn_implementation", None)
    if attention not in _PACKED_ATTENTION:
        return f"its attention implementation {attention!r} takes no mask with a value per pair"
    if getattr(model.config.get_text_config(), "alibi", False):
        return "its attention counts tokens instead of reading their positions"
    missing = _PACKED_ARGUMENTS - accepted
    return f"its forward takes no {', '.join(sorted(missing))}" if missing else None
