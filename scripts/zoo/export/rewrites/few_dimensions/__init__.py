"""Tensors of many dimensions, and operators that ncnn does not have, in at most four and in others: `mode` is
what a model runs in, and the other modules know one kind of operator each."""
