"""What builds measured, line by line over time, and what got worse since a baseline."""
