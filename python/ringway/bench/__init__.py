"""Benchmarks that need only this package and whichever peers are installed; see ``ringway bench``."""
