"""One BlocksWorld episode by hand: the parts, the planner, the loop, and what it cost."""

import sys
from collections.abc import Sequence

import priors
import value_estimators
from agent import Agent
from envs.blocksworld.domain import BlocksWorldDomain
from planners import Parts
from planners.slinvit import Slinvit
from slinvit import Budget


def main(argv: Sequence[str]) -> int:
    """Solve the first task of a source (default: one random problem) and print every decision."""
    domain = BlocksWorldDomain()
    problem = domain.load(argv[0] if argv else "random:1,blocks=5,length=8", seed=1)[0]
    simulator = domain.simulator(problem)
    prior = priors.remember(priors.build("bundled"))
    value = value_estimators.build("goals-met", prior=prior, simulator=simulator)
    planner = Slinvit(Parts(prior, simulator, value), breadth=2, depth=4, lam=0.3)

    episode = Agent(planner).run(domain.environment(problem), seed=0, budget=Budget({"sim_steps": 1000}))

    print(f"{episode.start}\ngoal: {episode.goal}\n")
    for decision in episode.decisions:
        done = "; ".join(step.action for step in decision.steps)
        print(f"{len(decision.tree.nodes):4d} nodes, score {decision.score:6.2f}, {decision.stopped_by}: {done}")
    print(f"\n{episode.stopped_by} in {len(episode.steps)} steps (optimal {problem.optimal})")
    print(f"{episode.ledger.llm_calls} LLM calls, {episode.ledger.sim_steps} simulated steps")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
