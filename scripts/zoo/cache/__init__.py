"""What is expensive and always the same, shared by the working copies and users of a machine or a cluster."""
