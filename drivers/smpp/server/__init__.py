"""The other end of SMPP: software on the network uses the gateway as its carrier."""
