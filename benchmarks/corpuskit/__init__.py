"""The parts of benchmarks/corpus.py: units, checkouts, comparisons, and real stacks."""
