"""The native dialect's bytes: frames and messages, and nothing about what they are for.

Both ends share this code on purpose. They share no limit, no state and no timer.
"""
