"""The native dialect: its host, what it promises about frames, and its suite."""
