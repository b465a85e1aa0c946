"""A language model as a distribution over actions: a prompt and candidates in, probabilities out.

No environment, no agent. Pass a model folder or hub id to ask another model than the one that ships.
"""

import sys
from collections.abc import Sequence

import priors
from priors.local import LocalPrior
from slinvit import Budget

OBSERVATION = (
    "the red block is clear, the orange block is clear, the hand is empty, "
    "the red block is on top of the blue block, the blue block is on the table, the orange block is on the table"
)
GOAL = "the blue block is on top of the orange block"
ACTIONS = ("pick up the orange block", "unstack the red block from on top of the blue block")


def main(argv: Sequence[str]) -> int:
    """Print the probability of each action."""
    prior = priors.build(f"hf:{argv[0]},template=blocksworld" if argv else "bundled")
    assert isinstance(prior, LocalPrior)
    prompt = prior.template.form.format(observation=OBSERVATION, goal=GOAL)
    budget = Budget()
    (distribution,) = prior.distributions([prompt], [ACTIONS], budget=budget)
    print(prompt)
    for action, log_prob in distribution.ranked():
        print(f"{log_prob:8.3f} nats  {action}")
    print(f"{budget.ledger().llm_calls} call, {budget.ledger().tokens_forwarded} tokens forwarded")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
