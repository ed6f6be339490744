"""What `zoo init` and `zoo doctor` find out by looking: at a model, and at the machine."""
