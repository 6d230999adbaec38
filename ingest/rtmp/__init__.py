"""RTMP: a sans-IO server session and the one file with sockets."""
