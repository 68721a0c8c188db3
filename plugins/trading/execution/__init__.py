"""target → order → fill: planner, vetoes, matching. Pure."""
