"""The port `BrokerGate`: one connection at a time, under the fixed client id of its role, to the one right account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import time

from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.ibkr.quiet import RESTART_AT, QuietTime
from trading.adapters.ibkr.session import Patience, open_session
from trading.errors import BrokerRefused, TransientError
from trading.ports import BrokerRole

CLIENT_IDS = {BrokerRole.DATA: 21, BrokerRole.RECONCILER: 31, BrokerRole.OPERATOR: 41}
"""Fixed ids of the roles that place no orders; never 0, which would bind orders made by hand in TWS."""


class IbkrGate:
    """Opens connections to one gateway.

    Args:
        client_id: of the writer.
        control_port: the paper gateway's control port; None at a real broker.
        is_paper: demand an account whose id starts with D.
        quiet_times: when no order may travel; None means the defaults at a real broker, and none at a simulated one.
        restart_at: when a real gateway restarts, New York wall clock; around it the defaults are quiet.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: int,
        account: str,
        control_port: int | None,
        *,
        is_paper: bool = True,
        patience: Patience | None = None,
        quiet_times: Sequence[QuietTime] | None = None,
        restart_at: time = RESTART_AT,
    ) -> None:
        self._host, self._port, self._client_id = host, port, client_id
        self._account, self._control_port, self._is_paper = account, control_port, is_paper
        self._patience, self._quiet_times, self._restart_at = patience or Patience(), quiet_times, restart_at

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[IbkrBroker]:
        """Open the one connection of `role`; refuse any account but the configured one."""
        client_id = self._client_id if role is BrokerRole.WRITER else CLIENT_IDS[role]
        session = open_session(self._host, self._port, client_id, self._patience)
        try:
            self._guard_account(tuple(session.ib.client.getAccounts()))
            yield IbkrBroker(
                session, self._host, role, self._account, self._control_port, self._quiet_times,
                restart_at=self._restart_at,
            )  # fmt: skip
        except ConnectionError as lost:
            # The library notices a lost socket wherever it happens to send.
            raise TransientError("the broker's connection broke; nothing is assumed, it is retried") from lost
        finally:
            session.close()

    def _guard_account(self, accounts: tuple[str, ...]) -> None:
        if accounts != (self._account,):
            raise BrokerRefused(
                f"the broker serves accounts {', '.join(accounts)}, but AIRDESK_BROKER_ACCOUNT is {self._account!r}; "
                "nothing was sent, correct the account or the port"
            )
        if self._is_paper and not self._account.startswith("D"):
            raise BrokerRefused(
                f"{self._account} is not a paper account (D…), and this book trades on paper; name a paper account"
            )
