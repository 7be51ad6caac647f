"""Access to the machine: processes, git, ports, locks, clocks and files. Makes no decisions."""
