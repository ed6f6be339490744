"""ONNX files as people bring them, in the form that later stages take: float32, NCHW, in order."""
