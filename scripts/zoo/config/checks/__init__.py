"""What is wrong with a configuration beyond what a schema says, and known before anything is loaded."""
