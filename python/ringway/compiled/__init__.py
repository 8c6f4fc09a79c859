"""Kernels that a program brings: translated from Python, or in C++, and compiled for this machine."""
