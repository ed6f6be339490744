"""Where an artifact is to run that is not this machine: the agent there, its build and its carriers."""
