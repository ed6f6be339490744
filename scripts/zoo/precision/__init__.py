"""Which layers of an ncnn model may compute in float16 on a device, found by running them there."""
