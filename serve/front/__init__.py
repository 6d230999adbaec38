"""The sockets that viewers come to: each connection is framed here, and each request goes to whom it is for."""
