"""Ingest: what a host sends, turned into tracks and packets. Imports nothing else of Veilcast."""
