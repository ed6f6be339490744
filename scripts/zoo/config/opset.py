"""The ONNX operator set that files are in where nobody asks for another."""

DEFAULT_OPSET = 17
"""The newest that onnxruntime 1.31 and pnnx 20261020 both read exactly.

Since 18 a reduction takes its axes as an input, which pnnx drops if it is a single one: the mean over the
tokens of a ViT, over the channels in GRN. Since 17 layer norm is one operator.
"""
