"""SMPP 3.4 accounts: a session of our own over the PDU classes of smpplib.

``session`` and ``codec`` do no input or output; ``connection`` owns a socket; ``driver`` owns the account.
"""
