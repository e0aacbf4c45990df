"""What is wrong with a port, a unit, the journal or the computer, and what to do about it.

Nothing here starts output or changes a unit: what is sent are requests for its identity, its capabilities
and its status.
"""
