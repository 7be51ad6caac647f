"""Modules that set up a development machine; the installed program imports none of them."""
