"""Which recipe a model gets: plans, what each layer costs, candidates, trials, the choice."""
