"""target → order → fill: planner, checks and vetoes, matching. Pure."""
