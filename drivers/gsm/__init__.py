"""GSM modems: one contract, two drivers (``gammu`` on python-gammu, ``at`` on our own AT layer)."""
