"""Fault drills: the desk's promises tried on the real parts (Postgres, gateway process, ib_insync, task functions)."""
