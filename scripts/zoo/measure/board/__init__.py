"""Speed on a board: timed there in turn with fp32, and watched, for boards grow hot."""
