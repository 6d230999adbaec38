"""Filters: the public interface for those who write filters (none ships yet)."""
