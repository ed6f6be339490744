"""Exact rewrites of an ncnn graph: the forms in which a layer can compute the same, one a module."""
