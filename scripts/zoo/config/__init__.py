"""What config.yaml says and what follows from it. Standard library only: read each time a build starts."""
