"""Everything that lasts: the one place with SQL."""
