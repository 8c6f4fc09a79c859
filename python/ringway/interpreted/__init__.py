"""Kernels of a program's own that Python runs."""
