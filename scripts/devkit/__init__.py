"""The pieces that set up a development machine; nothing in the installed program imports them."""
