"""The 4-operator BlocksWorld: own core, text in the manner of PlanBench, PDDL files, PDDLGym as the second engine."""
