"""Virtual devices: a GSM modem on a pty and a carrier, for rehearsals, demonstrations and tests."""
