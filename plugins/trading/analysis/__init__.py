"""bar → features: technicals, sentiment, valuation, risk, panel building. pandas and TA-Lib live here."""
