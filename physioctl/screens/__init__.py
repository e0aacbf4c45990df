"""What a person, or another program, sees of a session while it runs.

Screens are observers: they get events afterwards, in threads of their own, and one that fails is dropped.
None of them can reach the unit.
"""
