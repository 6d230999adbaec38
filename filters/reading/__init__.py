"""Reads lines of text in pictures: what is there, where each character stands, how sure that is."""
