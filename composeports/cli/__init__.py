"""The command line: one file for each command, with options, one call into `usecases`, output."""
