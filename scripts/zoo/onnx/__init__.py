"""ONNX files: in normal form, in float16 and int8 by onnxruntime's tools."""
