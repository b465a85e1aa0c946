"""One InterCode episode by hand: commands that really execute, search without the grader, and what the grader says."""

import sys
from collections.abc import Sequence

import priors
import value_estimators
from agent import Agent
from envs.intercode.sql.domain import SqlDomain
from planners import Parts
from planners.slinvit import Slinvit
from slinvit import Budget


def main(argv: Sequence[str]) -> int:
    """Answer one embedded question, the 9th or the one whose number is given, and print every decision."""
    domain = SqlDomain(schema="shown")
    try:
        (task,) = domain.load(f"embedded,number={argv[0] if argv else 9}")
        simulator = domain.simulator(task)
        prior = priors.remember(priors.build("guesses"))
        value = value_estimators.build("evidence", prior=prior, simulator=simulator)
        planner = Slinvit(Parts(prior, simulator, value), breadth=4, depth=2, lam=0.1)
        episode = Agent(planner).run(domain.environment(task), seed=0, budget=Budget({"sim_steps": 1000}))
    finally:
        domain.close()

    print(f"{episode.start}\nquestion: {episode.goal}\n")
    for decision in episode.decisions:
        for step in decision.steps:
            print(f"{len(decision.tree.nodes):3d} nodes, score {decision.score:5.2f}: {step.action}")
            print("    " + " ".join(step.observation.split())[:100])
    print(f"\nreward {episode.steps[-1].reward:.2f}, known to the grader only until now; wanted was: {task.gold}")
    print(f"{episode.ledger.sim_steps} simulated steps, {episode.ledger.env_steps} real ones")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
