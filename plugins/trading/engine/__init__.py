"""One hour of strategy, execution and accounting: step() and the market simulation around it. Pure."""
