"""What one pass over the calibration images tells about each layer's input."""
