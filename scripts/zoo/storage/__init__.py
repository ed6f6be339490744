"""Results in storage that speaks S3: who builds there, and what the next machine must know of a build."""
