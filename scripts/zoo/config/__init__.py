"""What config.yaml says and what follows from it. Light: read each time a build starts."""
