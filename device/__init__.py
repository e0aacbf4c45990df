"""How one unit is driven: clock, wire, link, dialects, models, state machine, guard and controller."""
