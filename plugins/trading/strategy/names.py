"""How headlines call the instruments. A line is optional: without one the instrument's own name and ticker count."""

from __future__ import annotations

from collections.abc import Mapping

from trading.domain.instruments import Naming, Symbol

_OF_METAL = (
    "price", "prices", "futures", "spot", "bullion", "ounce", "oz", "troy", "dollar", "fed", "yields", "inflation",
    "safe-haven", "haven", "comex", "etf", "etfs", "demand", "rally", "rallies", "rises", "rise", "gains", "climbs",
    "jumps", "soars", "surges", "slips", "falls", "drops", "slides", "tumbles", "eases", "steady", "steadies",
    "record", "outlook",
)  # fmt: skip
"""Words of the market: "gold" beside one of them is the metal that a trust holds."""
_NO_METAL = (
    "medal", "medals", "medallist", "medalist", "olympic", "olympics", "olympian", "championships", "swimming",
    "athletics", "goldfish", "gold rush", "trophy", "lining", "screen", "jubilee", "cutlery", "album", "globe",
)  # fmt: skip

NAMES: Mapping[Symbol, Naming] = {
    "GLD": Naming(("SPDR Gold", "gold", "price of gold"), unless=_NO_METAL, beside=_OF_METAL),
    "SLV": Naming(("iShares Silver", "silver", "price of silver"), unless=_NO_METAL, beside=_OF_METAL),
    "NEM": Naming(("Newmont",), unless=("XEM", "blockchain")),
    "AEM": Naming(("Agnico Eagle", "Agnico"), unless=("Adobe", "Experience Manager")),
    "NVDA": Naming(("Nvidia",)),
    "AMD": Naming(("Advanced Micro Devices",), unless=("macular", "degeneration", "retina", "retinal", "eye")),
    "BOTZ": Naming(("Global X Robotics",)),
    "AAPL": Naming(
        ("Apple", "Apple Inc"),
        unless=(
            "pie", "pies", "cider", "orchard", "orchards", "juice", "sauce", "crumble", "harvest", "apple tree",
            "apple trees", "picking", "growers", "Big Apple", "Fiona Apple", "Apple Valley",
        ),
    ),
    "MSFT": Naming(("Microsoft",)),
    "TSLA": Naming(("Tesla",), unless=("Nikola Tesla", "Tesla coil", "millitesla", "MRI")),
    "META": Naming(("Meta Platforms", "Facebook", "Meta"), unless=("meta-analysis", "analysis", "physics")),
    "GOOGL": Naming(("Alphabet", "Google"), unless=("letters", "soup", "Cyrillic")),
    "AMZN": Naming(("Amazon",), unless=("rainforest", "river", "jungle", "Brazil", "basin", "deforestation", "tribe")),
}  # fmt: skip
