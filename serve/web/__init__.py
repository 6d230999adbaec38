"""The pages: their sources, their build, and the files that come out of it."""
