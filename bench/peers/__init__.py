"""Servers to compare with, each as its users would run it."""
