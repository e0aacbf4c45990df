"""Driving one unit: the state machine, the guard, and the controller."""
