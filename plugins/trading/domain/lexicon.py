"""The finance lexicon: what VADER lacks or misreads of the language of markets, as data.

Written for this project from the way headlines are worded, and tuned only on labelled headlines; no published word
list was copied. Valences are on VADER's scale, about −4 to 4; 0 takes a word's meaning away. `LEXICON` names this
version with a hash of its words; it is part of a strategy's hash, so every decision says which words scored it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

VERSION = "2026.11"

_WORDS = """
3.0: soars soared skyrockets skyrocketed blockbuster
2.6: bullish outperforms outperformed outperforming record-breaking turnaround
2.2: beats beating upgrade upgrades upgraded upbeat rallies rallied rebounds rebounded topped tops outperform
2.2: oversubscribed accretive overweight windfall profitable breakout
1.8: rally rebound buyback buybacks repurchase undervalued outpaces outpaced uptrend momentum resilient
1.8: wins won awarded secures secured clinches lands accelerates strengthening strengthens
1.8: synergies efficient savings record milestone breakthrough recovered recovers recovery doubling
1.6: takeover acquires acquire signed signs partnership cooperation co-operation expands expanding expand expansion
1.6: gainers bounced approved approves approval boosts boosted growing
1.4: buys extends extension delighted pleased cooperates agreement buy launches reiterates
1.2: oversold positive favourable favorable win merger improving exceeding
1.0: bought buying upside deal contract secure awards strong ahead leading enables enable
-1.0: amid weak challenging slow sluggish softer cautious uncertain uncertainty pressure volatile
-1.2: shorting concern concerns concerned warns warned warning warnings exit exits quits
-1.4: loss losses delay delays delayed delaying halts halted halt suspended suspends suspend disappoint
-1.4: fine fined fines lawsuit lawsuits sued sue sues probe probes investigation investigated antitrust resigns
-1.6: layoff layoffs lay-off lay-offs redundancies redundant laid-off writedown write-down writedowns write-downs
-1.6: restructuring recall recalls recalled bearish overvalued overbought sell-off selloff downside downtrend
-1.8: loss-making misses missed miss headwind headwinds slowdown slowing strike strikes closure shutdown
-2.0: disappointing disappoints disappointed unprofitable impairment impairments underperform underperforms
-2.2: downgrade downgrades downgraded default defaults defaulted recession
-2.6: plummet plummets plummeted crash crashes crashed
-3.0: bankruptcy bankrupt insolvency insolvent fraud fraudulent collapse collapses collapsed scandal
0: share shares value number solution solutions energy security respectively credit support pay like hand interest
0: interested interesting assets asset natural responsible parties united securities no well top worth demand agreed
0: create created certain authority commitment friends please launched fresh ensure safe safety effective vision
0: want reach matter matters party special gross novel play important importance intelligence prospect prospects
0: bond bonds trust trusts treasury treasuries care cancer capital clear fun ready significant limited casual kind
0: charge charges charged shared sharing opportunity opportunities help helps helped helping benefit benefits
0: innovation innovative innovations advanced competitive intelligent dynamic popular community award engaged
0: hope hopes competent block blocks rig stake free freed freedom god war fire defense defence vested
0: profit profits flexible outstanding approach incentive incentives original yes chance chances
0: valued loyal celebrated celebrate celebrates encourage encourages increasingly
"""
"""Words in small letters under their valence. Words of movement are below: they are read with what moved."""

_POSTS = """
2.0: breakout bounce runner squeeze moon
1.4: long green calls setup breaking buy bottom bouncing
-1.4: short red puts top shorted resistance rejected dump fade
"""
"""Words that mean something to traders; they count where a cashtag, such as $NVDA, says that one writes."""

_PHRASES = """
3.0: record profit | record profits | record sales | record revenue | record earnings | record quarter | record high
3.0: all-time high | record results | best quarter
2.6: beats estimates | beat estimates | beats expectations | beat expectations | tops estimates | tops expectations
2.6: beats forecasts | beat forecasts | better than expected | better-than-expected | above expectations
2.6: back to profit | tops forecasts
2.6: raises guidance | raised guidance | raises outlook | raised outlook | raises forecast | raised forecast
2.6: lifts guidance | lifts outlook | lifts forecast | hikes guidance | raises full-year | raises its outlook
2.4: strong demand | strong quarter | strong results | strong earnings | strong growth | strong sales
2.4: raises dividend | raised dividend | hikes dividend | lifts dividend | increases dividend | dividend increase
2.2: price target raised | raises price target | raises target | upgraded to buy | upgraded to outperform
2.2: higher lows | breaking out | break out | breaks out | inverse head and shoulders | to profitability
2.2: double bottom | higher high | higher highs | bull flag | new high | new highs | 52-week high
2.0: narrower loss | narrower losses | smaller loss
2.0: cost savings | cost saving | turning cash flow positive | market leader | market share gains
1.8: joint venture | signed a contract | awarded a contract | won a contract | wins contract | wins order | wins deal
1.8: received an order | order worth | orders worth | order for | orders for | order from | orders from | has ordered
1.8: positive effect | positive impact | strong buy | buy rating | wins approval | gets approval | to supply
1.8: share buyback | stock buyback | special dividend | in good shape | on track | going long | went long
1.4: agreed to buy | to buy | to acquire | letter of intent | golden cross
-1.4: step down | steps down | stepped down | interim ceo | under pressure | going short | went short
-1.8: negative effect | negative impact | weak demand | weaker demand | lower demand | falling demand | sell rating
-1.8: profit taking | job cuts | cut jobs | cuts jobs | jobs cut | staff cuts | lay off | laid off | lays off
-1.8: personnel reductions | temporary layoffs | reduce personnel | cost pressures | negative territory | in the red
-1.8: head and shoulders | closed in red | death cross
-2.2: price target cut | cuts price target | lowers price target | cuts target | cut to sell | cut to hold
-2.2: wider loss | wider losses | lower low | lower lows | new low | new lows | 52-week low
-2.4: cuts dividend | cut dividend | drops dividend | dividend cut | suspends dividend | class action
-2.6: misses estimates | missed estimates | misses expectations | missed expectations | below expectations
-2.6: misses forecasts | worse than expected | worse-than-expected | weaker than expected | weaker-than-expected
-2.6: lower than expected | short of expectations | falls short | fell short | fall short | below estimates
-2.6: cuts guidance | cut guidance | cuts outlook | cut outlook | cuts forecast | cut forecast | lowers guidance
-2.6: lowers outlook | lowers forecast | slashes guidance | slashes outlook | withdraws guidance | profit warning
-2.6: files for bankruptcy | chapter 11 | accounting fraud | going concern | delisting notice | criminal charges
0: well known | well-known | as well as | real estate | interest rate | interest rates | net interest | market value
0: fair value | book value | share capital | credit rating | no comment | fine paper | special items
0: in order to | strike price | cut off | green building | world war | united states | united kingdom | deal with
0: as long as | no longer | fine tuning | raw material prices | set up | made up | make up | comes up | up to date
"""

_GOOD_SUBJECTS = """
profit profits earnings sales revenue revenues income turnover ebit ebitda eps margin margins orders intake backlog
bookings dividend growth result results cashflow share shares stock stocks production output volume volumes deliveries
shipments traffic passengers exports subscribers guidance outlook forecast rating index demand consumption
profitability efficiency productivity gold silver dow nasdaq futures users customers capacity return yield popularity
assets sale takings performance market equity value
"""
_BAD_SUBJECTS = """
loss losses cost costs expense expenses debt debts unemployment claims deficit impairment charges defaults
yields inflation inventories emissions complaints tax taxes delinquencies outflows vacancy shortage liabilities
writedowns
"""
_MOVES = """
2.2: soar surge jump skyrocket
1.6: rise rises rose risen rising grow grows grew grown increase increases increased increasing climb climbs climbed
1.6: jumps jumped surges surged gain gains gained up higher improve improves improved improvement
1.4: raise raises raised lift lifts lifted hike hikes hiked exceed exceeds exceeded widen widens widened
1.6: advance advances strengthened expanded doubled tripled upward
-1.6: fall falls fell fallen falling drop drops dropped decline declines declined declining decrease decreases
-1.6: decreased decreasing down lower slip slips slipped slide slides slid shrank shrunk halved reduce reduces reduced
-1.6: weakened weaker sank sink sinks slump slumps slumped contracted dip dips dipped smaller narrowed narrows narrow
-1.6: lowered downward cut cuts eased sagged dive dives dived shrink
-2.2: plunge plunges plunged plunging tumble tumbles tumbled tumbling
"""


def _listed(text: str, *, between: str | None = None) -> dict[str, float]:
    """Return entry → valence of lines such as "2.2: beats beating upgrade"."""
    listed: dict[str, float] = {}
    for line in text.strip().splitlines():
        valence, _, entries = line.partition(":")
        for entry in map(str.strip, entries.split(between)):
            assert entry not in listed, f"{entry!r} stands twice in the lexicon; take one of them out"
            listed[entry] = float(valence)
    return listed


WORDS: Mapping[str, float] = _listed(_WORDS)
POSTS: Mapping[str, float] = _listed(_POSTS)
PHRASES: Mapping[str, float] = _listed(_PHRASES, between="|")
MOVES: Mapping[str, float] = _listed(_MOVES)
SUBJECTS: Mapping[str, int] = {w: 1 for w in _GOOD_SUBJECTS.split()} | {w: -1 for w in _BAD_SUBJECTS.split()}
"""What moves: 1 where more of it is good, −1 where less of it is."""


_HASH = hashlib.sha256("".join((_WORDS, _POSTS, _PHRASES, _GOOD_SUBJECTS, _BAD_SUBJECTS, _MOVES)).encode()).hexdigest()
LEXICON = f"{VERSION}+{_HASH[:12]}"
"""This version of the lexicon, e.g. "2026.11+3f2a91c07be4"."""
