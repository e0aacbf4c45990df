"""The full screen of a session: what it shows is worked out here, and drawn by a process of its own."""
