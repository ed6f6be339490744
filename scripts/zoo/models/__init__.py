"""From a model's entry to a torch module with its weights, and its card."""
