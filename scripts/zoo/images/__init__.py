"""From a folder of images to what a model is fed."""
