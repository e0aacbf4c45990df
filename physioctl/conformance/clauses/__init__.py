"""What a request means, in either dialect: one small function for each promise of docs/wire.md."""
