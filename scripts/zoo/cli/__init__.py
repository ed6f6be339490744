"""The command `zoo`: one command a wish, each a thin layer over the workflow and the library."""
