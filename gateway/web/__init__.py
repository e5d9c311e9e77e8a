"""HTTP in: what other software may ask of the gateway, and the listener that it asks through."""
