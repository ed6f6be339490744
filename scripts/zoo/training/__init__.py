"""Training and fine-tuning on class folders."""
