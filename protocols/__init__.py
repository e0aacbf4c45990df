"""What may be run: the file format, quantities, limits, plans, and the library of protocols that ships."""
