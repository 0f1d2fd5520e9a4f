"""What ends a benchmark with one line."""


class BenchError(Exception):
    """Something that whoever runs the benchmark has to know and can mend."""
