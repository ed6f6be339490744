"""ncnn's files in memory: read, checked, edited, written; fp16 and bf16 storage."""
