"""What the root command keeps of a call for its commands, in click's `meta`."""

# The key of the words before the command, as they were typed.
WORDS_BEFORE = "composeports.words_before"
