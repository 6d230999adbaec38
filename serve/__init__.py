"""Serve: the gate that takes hosts in and the origin that serves viewers."""
