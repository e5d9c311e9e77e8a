"""The page for people: a form to send with, and a telephone to try apps with. Plain HTML, made here."""
