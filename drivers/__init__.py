"""What happens to a device: GSM modems, SMPP accounts and their virtual twins.

A library of its own. It never imports ``gateway``. Read ``drivers.base`` first.
"""
