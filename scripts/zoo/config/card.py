"""What a model card says of a model, in types."""

CLASSIFICATION, OTHER = "classification", "other"
"""What a model is for: one vector of class scores, or anything else, which is compared tensor by tensor."""
