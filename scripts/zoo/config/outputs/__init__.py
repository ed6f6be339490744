"""Where every output of a build lies, which there are, and what they are made of.

Read each time a build starts, so the standard library is all it needs.
"""
