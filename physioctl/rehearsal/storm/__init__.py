"""Storms: seeded scenarios of faults and acts through the whole stack, and a judge outside of it."""
