"""The whole program on a simulated unit: the only package that sees both sides."""
