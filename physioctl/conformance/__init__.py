"""Whether a unit keeps the promises of its dialect's page: a suite that sends it what the guard would refuse.

It is the one sender outside the guard, and nothing but ``physioctl conform`` imports it. The suite is
sans-IO: generators that yield what is to be sent or waited for (`effects`), so that the same code runs in
virtual time and in real time (`perform`).
"""
