"""Tools of the project itself: what is generated, and what judges the tests. None of it is installed."""
