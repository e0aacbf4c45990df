"""A unit of software: its own firmware, limits, timers and physics, reached over bytes alone.

It does not use the controller's state: it exists to find the controller's errors.
"""
