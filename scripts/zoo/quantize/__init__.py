"""What a layer of an ncnn model can become, one technique a module; a recipe, and its application."""
