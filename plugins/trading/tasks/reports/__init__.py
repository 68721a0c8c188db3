"""Reports: what a day, a week, a rebalance, a comparison, a year or a replay came to. One module per report.

Each returns a `Report` (`reporting.document`); rows come from `tasks.standing`, so that page, bot and report agree.
"""
