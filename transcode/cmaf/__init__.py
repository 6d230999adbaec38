"""CMAF: init segments and parts, written by hand in pure Python."""
