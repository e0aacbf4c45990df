"""How units speak: the interface of a dialect, and each dialect."""
