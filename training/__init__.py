"""Makes the models that the filters bring along. Not part of the package: it needs torch, which nothing else does."""
