"""Everything outside: Postgres, the calendar, Interactive Brokers, files. Vendor words end here."""
