"""Optuna's TPE as a `Searcher`: asked and told one after the other, so that a seed gives the same trials each time."""

from __future__ import annotations

from typing import Any

from trading.domain.searches import Parameters, Plan, key_of

NOT_COUNTED = -1e6
"""Told for a trial that does not count: worse than any score, so that the sampler keeps away from there."""
MOST_REPEATS = 200
"""Asked so often in a row for what is known, the sampler has nothing new to say."""
STARTING_TRIALS = 10
"""Drawn at random before the sampler learns."""


class OptunaSearcher:
    """Tree-structured Parzen estimator over the same lattice that a grid has; no point is asked twice."""

    def __init__(self, plan: Plan) -> None:
        # A fifth of a second that only this searcher needs.
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=plan.seed, n_startup_trials=STARTING_TRIALS)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._axes = {axis.name: axis.values for axis in plan.axes}
        self._space: dict[str, Any] = {
            name: optuna.distributions.IntDistribution(0, len(values) - 1) for name, values in self._axes.items()
        }
        self._left = plan.trials_per_window
        self._told: dict[str, float] = {}
        self._asked: Any = None

    def ask(self) -> Parameters | None:
        """Return parameters that were not asked before, or None when the search is over."""
        if self._left <= 0:
            return None
        for _ in range(MOST_REPEATS):
            self._asked = self._study.ask(self._space)
            parameters = {name: self._axes[name][index] for name, index in self._asked.params.items()}
            if (known := self._told.get(key_of(parameters))) is None:
                self._left -= 1
                return parameters
            self._study.tell(self._asked, known)
        return None

    def tell(self, parameters: Parameters, score: float | None) -> None:
        """Hear what became of the parameters that were asked last."""
        value = NOT_COUNTED if score is None else score
        self._told[key_of(parameters)] = value
        self._study.tell(self._asked, value)
