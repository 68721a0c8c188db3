"""The paper gateway: a server that speaks the TWS text protocol and fills against bars. SIMULATED."""
