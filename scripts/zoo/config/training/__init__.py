"""What config.yaml says of a training: its images and its recipe."""
