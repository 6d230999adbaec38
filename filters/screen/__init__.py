"""Watches a screen for text: what has changed, where lines are, how they move. What they say is for others."""
