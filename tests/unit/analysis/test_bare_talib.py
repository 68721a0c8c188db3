"""TA-Lib is loaded without pandas, and pandas can be loaded afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECK = """
import sys
from trading.analysis.bare_talib import talib
assert "pandas" not in sys.modules, "loaded with talib"
import numpy as np, pandas as pd
assert talib.SMA(np.arange(4.0), 2).tolist()[1:] == [0.5, 1.5, 2.5]
assert len(pd.Series([1.0])) == 1
"""
AFTER_PANDAS = """
import pandas as pd
from trading.analysis.bare_talib import talib
assert talib.SMA(pd.Series([1.0, 2.0, 3.0]), 2).iloc[-1] == 2.5
"""


@pytest.mark.parametrize("program", [CHECK, AFTER_PANDAS])
def test_neither_takes_the_other_away(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
