"""Where every file comes from: the manifest, its check and signature, the list of software, model cards."""
