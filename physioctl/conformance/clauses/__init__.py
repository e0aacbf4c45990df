"""The clauses: one small function for each promise of docs/wire.md, in the page's own words."""
