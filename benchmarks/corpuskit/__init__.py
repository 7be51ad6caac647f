"""The parts of benchmarks/corpus.py: units, checkouts, what to compare, and real stacks."""
