"""A unit of software: its own firmware, limits, timers and physics, reached over bytes alone.

It will never know what the controller believes: it exists to catch the controller out.
"""
