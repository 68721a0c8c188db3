"""US tax lots: purchases, sales and splits of one taxpayer → lots, Form 8949 rows and wash sales. Not advice."""
