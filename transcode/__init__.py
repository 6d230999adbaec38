"""Transcode: from packets to CMAF parts, on one timeline per room."""
