"""The zoo as a site of static pages: models, a comparison of artifacts, architectures."""
