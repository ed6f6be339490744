"""What is measured of an artifact: right, close, fast."""
