"""A model's fp32 files: TorchScript, ONNX, ncnn by pnnx, after the exact rewrites."""
