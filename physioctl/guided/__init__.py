"""The guided way into a session: the unit, the protocol, the person, screening, and what will happen.

Each step asks a `terminal.Terminal`, which may be anybody, and knows no command line.
"""
