"""How a state becomes the text in front of a candidate action."""

BLOCKSWORLD = (
    "[STATEMENT]\n"
    "As initial conditions I have that, {observation}.\n"
    "My goal is to have that {goal}.\n"
    "\n"
    "My plan is as follows:\n"
    "\n"
    "[PLAN]\n"
)
"""The scoring prompt of PlanBench without domain introduction and examples; the current state is the initial one."""

PLAN_END = "[PLAN END]\n"
